import { useLayoutEffect, useMemo } from "preact/hooks";
import type { App } from "../app-state";
import { t } from "../i18n";
import { LibraryView } from "./library-view";
import { Panel } from "./panel";
import { StageView } from "./stage-view";
import { openStudio, type Studio } from "./studio";
import "../styles/fields.css";
import "./make.css";
import "./stage.css";
import "./strip.css";
import "./panel.css";
import "./library.css";

export default function View({ app }: { app: App }) {
  const studio = useMemo(() => openStudio(app), [app]);
  // Not after the next paint, which a tab in the background may wait a minute for.
  useLayoutEffect(() => studio.close, [studio]);
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

/** Accepts images, or links to them, that are dropped or pasted anywhere on the page. */
function useDroppedImages(studio: Studio): void {
  useLayoutEffect(() => {
    // A link that is dragged from the page itself, usually by accident, is not an image.
    let isOurs = false;
    const start = () => (isOurs = true);
    const finish = () => (isOurs = false);
    const take = (event: Event, data: DataTransfer | null) => {
      const file = [...(data?.files ?? [])][0];
      const link = data?.getData("text/uri-list").match(/^https:.*/m)?.[0];
      if (!file && !(link && !isOurs && !isField(event))) return;
      event.preventDefault();
      if (file) void studio.pick(file);
      else if (link) studio.setAddress(link);
    };
    const over = (event: DragEvent) => {
      const types = event.dataTransfer?.types ?? [];
      const isLink = types.includes("text/uri-list") && !isOurs && !isField(event);
      if (!types.includes("Files") && !isLink) return;
      event.preventDefault();
      studio.isDragged.value = true;
    };
    const leave = (event: DragEvent) => {
      // With a related target, the pointer only moved on to another element of the page.
      if (!event.relatedTarget) studio.isDragged.value = false;
    };
    const drop = (event: DragEvent) => {
      studio.isDragged.value = false;
      take(event, event.dataTransfer);
      // There is no dragend event if the dragged element has been removed.
      finish();
    };
    const paste = (event: ClipboardEvent) => {
      // Text copied from an office program comes with an image of itself.
      const isText = event.clipboardData?.types.includes("text/plain");
      if (!(isText && isField(event))) take(event, event.clipboardData);
    };
    const end = new AbortController();
    const { signal } = end;
    addEventListener("dragstart", start, { signal });
    addEventListener("dragend", finish, { signal });
    addEventListener("dragover", over, { signal });
    addEventListener("dragleave", leave, { signal });
    addEventListener("drop", drop, { signal });
    addEventListener("paste", paste, { signal });
    return () => end.abort();
  }, [studio]);
}

function isField({ target }: Event): boolean {
  return target instanceof Element && target.matches("input, textarea");
}
