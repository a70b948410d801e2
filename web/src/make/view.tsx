import { useEffect, useMemo } from "preact/hooks";
import type { App } from "../app-state";
import { t } from "../i18n";
import { LibraryView } from "./library-view";
import { Panel } from "./panel";
import { StageView } from "./stage-view";
import { openStudio, type Studio } from "./studio";
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
    const drop = (event: DragEvent) => take(event, event.dataTransfer);
    const paste = (event: ClipboardEvent) => take(event, event.clipboardData);
    const allow = (event: DragEvent) => event.preventDefault();
    addEventListener("drop", drop);
    addEventListener("dragover", allow);
    addEventListener("paste", paste);
    return () => {
      removeEventListener("drop", drop);
      removeEventListener("dragover", allow);
      removeEventListener("paste", paste);
    };
  }, [studio]);
}
