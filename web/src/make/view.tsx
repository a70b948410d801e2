import { useEffect, useMemo } from "preact/hooks";
import type { App } from "../app-state";
import { t } from "../i18n";
import { LibraryView } from "./library-view";
import { Panel } from "./panel";
import { StageView } from "./stage-view";
import { openStudio, type Studio } from "./studio";
import "../styles/fields.css";
import "./make.css";

export default function View({ app }: { app: App }) {
  const studio = useMemo(() => openStudio(app), [app]);
  useEffect(() => studio.close, [studio]);
  useDroppedImages(studio);
  return (
    <>
      <h1 class="out-of-sight">{t("makeVideo")}</h1>
      <p class="notice offline" role="status">
        {studio.isOnline.value ? "" : t("offline")}
      </p>
      <div class="make">
        <StageView studio={studio} />
        <Panel studio={studio} />
      </div>
      <LibraryView studio={studio} />
    </>
  );
}

/** Images that are dropped or pasted anywhere on the page. */
function useDroppedImages(studio: Studio): void {
  useEffect(() => {
    const take = (event: Event, data: DataTransfer | null) => {
      const file = [...(data?.files ?? [])][0];
      if (!file) return;
      event.preventDefault();
      void studio.pick(file);
    };
    const over = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      studio.isDragged.value = true;
    };
    const leave = (event: DragEvent) => {
      // From one element into another, it is still over the page.
      if (!event.relatedTarget) studio.isDragged.value = false;
    };
    const drop = (event: DragEvent) => {
      studio.isDragged.value = false;
      take(event, event.dataTransfer);
    };
    const paste = (event: ClipboardEvent) => {
      // Text of an office program comes with an image of itself.
      const isText = event.clipboardData?.types.includes("text/plain");
      const isTyping = (event.target as Element).matches("input, textarea");
      if (!(isText && isTyping)) take(event, event.clipboardData);
    };
    const listeners = { dragover: over, dragleave: leave, drop, paste };
    for (const [type, listener] of Object.entries(listeners)) {
      addEventListener(type, listener as EventListener);
    }
    return () => {
      for (const [type, listener] of Object.entries(listeners)) {
        removeEventListener(type, listener as EventListener);
      }
    };
  }, [studio]);
}
