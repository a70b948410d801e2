// The user's videos under the stage, newest first.

import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Video } from "../api";
import { ago, clock, money } from "../format";
import { language, t } from "../i18n";
import { follow as followLink, videoId } from "../router";
import { startedDraft } from "./click";
import { follow, sourcesOf } from "./follow";
import type { Filter, Removal } from "./library";
import { promptOf } from "./request";
import { SHORT } from "./stage";
import { focusStage, type Studio } from "./studio";
import { useBlobUrl } from "./use-blob-url";

const FILTERS = {
  all: "all",
  completed: "completedOnes",
  processing: "processingOnes",
  failed: "failedOnes",
} as const satisfies Record<Filter, string>;

export function LibraryView({ studio }: { studio: Studio }) {
  const { loaded, videos, filter, cursor } = studio.library;
  // The video on the stage is followed there.
  const open = loaded.value.filter(
    ({ job_id, status }) => status === "processing" && job_id !== videoId.value,
  );
  const isEmpty = cursor.value === null && !videos.value.length;
  const isNew = isEmpty && filter.value === "all";
  return (
    <section class="library" aria-labelledby="library-title">
      <div class="library-bar">
        <h2 id="library-title" tabIndex={-1}>{t("library")}</h2>
        {!isNew && <FilterChoice studio={studio} />}
      </div>
      {isEmpty && <p class="muted empty">{t(isNew ? "libraryEmpty" : "libraryNone")}</p>}
      <ul class="cards">
        {videos.value.map((video) => (
          <Card key={video.job_id} studio={studio} video={video} />
        ))}
      </ul>
      {open.map(({ job_id }) => (
        <Follow key={job_id} studio={studio} id={job_id} />
      ))}
      <More studio={studio} />
      <Toasts studio={studio} />
    </section>
  );
}

/** Keeps a video in progress up to date, even if the list leaves it out. */
function Follow({ studio, id }: { studio: Studio; id: string }) {
  const { put, forget } = studio.library;
  useEffect(
    () => follow(sourcesOf(studio.app, id), (update) => (update ? put(update) : forget(id))),
    [id],
  );
  return null;
}

function FilterChoice({ studio }: { studio: Studio }) {
  const { filter, show } = studio.library;
  return (
    <select
      aria-label={t("filter")}
      value={filter.value}
      onChange={(event) => show(event.currentTarget.value as Filter)}
    >
      {Object.entries(FILTERS).map(([name, key]) => (
        <option key={name} value={name}>
          {t(key)}
        </option>
      ))}
    </select>
  );
}

function Card({ studio, video }: { studio: Studio; video: Video }) {
  const isWatched = useSignal(false);
  const isOpen = video.status === "processing";
  const prompt = promptOf(video);
  const watch = (value: boolean) => () => (isWatched.value = value);
  return (
    <li id={cardId(video.job_id)} class={`card ${video.status}`} tabIndex={-1}>
      <a
        href={`/?video=${video.job_id}`}
        aria-current={videoId.value === video.job_id ? "true" : undefined}
        onClick={(event) => {
          followLink(event);
          // Not if the click asks for another tab.
          if (event.defaultPrevented) focusStage();
        }}
        onMouseEnter={watch(true)}
        onMouseLeave={watch(false)}
        onFocus={watch(true)}
        onBlur={watch(false)}
      >
        <span class="thumbnail">
          <CardImage studio={studio} video={video} />
          {isWatched.value && video.video_url && <Preview url={video.video_url} />}
          {video.delivered && <b aria-hidden="true">{clock(video.delivered.duration)}</b>}
        </span>
        <span class="card-title">{prompt}</span>
      </a>
      <Caption video={video} />
      {!isOpen && (
        <button
          type="button"
          class="card-delete"
          aria-label={t("deleteOf", prompt)}
          onClick={({ currentTarget }) => {
            studio.remove(video.job_id);
            focusBeside(currentTarget.closest("li"));
          }}
        >
          <span aria-hidden="true">×</span>
        </button>
      )}
    </li>
  );
}

/** The card disappears, so the focus moves to the next one, or else to the title. */
function focusBeside(card: Element | null): void {
  focusOrTitle(card?.nextElementSibling ?? card?.previousElementSibling);
}

function focusOrTitle(target: Element | null | undefined): void {
  const focused = target ?? document.getElementById("library-title");
  (focused as HTMLElement | null)?.focus({ preventScroll: true });
}

function cardId(videoId: string): string {
  return `card-${videoId}`;
}

/** The poster or, until there is one, the video's input image if this browser has it. */
function CardImage({ studio, video }: { studio: Studio; video: Video }) {
  const image = startedDraft(video.job_id)?.image;
  const own = useBlobUrl(video.poster_url ? undefined : image?.id);
  const url = video.poster_url ?? own;
  if (!url) return null;
  // In a tab that was open for hours, the poster's URL has expired.
  const renew = () => void studio.refresh(video.job_id);
  return <img src={url} alt="" loading="lazy" onError={renew} />;
}

function Preview({ url }: { url: string }) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return null;
  return <video src={url} muted loop autoplay playsInline tabIndex={-1} aria-hidden="true" />;
}

function Caption({ video }: { video: Video }) {
  const { status, error, ai_model } = video;
  const when = ago(video.created_at, Date.now(), language.value);
  const cost = Number(video.cost_usd) ? money(video.cost_usd) : null;
  const maker = ai_model && SHORT[ai_model];
  const what =
    status === "failed"
      ? t("reason", error?.code ?? null)
      : status === "processing"
        ? t("inProgress")
        : maker;
  return <small>{[what, cost, when.replaceAll(" ", "\u00a0")].filter(Boolean).join(" · ")}</small>;
}

function More({ studio }: { studio: Studio }) {
  const { cursor, isLoading, isDown, loadMore } = studio.library;
  const end = useRef<HTMLDivElement>(null);
  const hasMore = cursor.value !== null;
  useEffect(() => {
    if (!end.current || !cursor.value) return;
    const seen = new IntersectionObserver(
      ([entry]) => entry?.isIntersecting && void loadMore(),
      { rootMargin: "400px" },
    );
    seen.observe(end.current);
    return () => seen.disconnect();
  }, [cursor.value]);
  if (!hasMore) return null;
  return (
    <div ref={end} class="more" aria-busy={isLoading.value}>
      {isDown.value && <p class="bad">{t("serviceDown")}</p>}
      <button type="button" disabled={isLoading.value} onClick={() => loadMore()}>
        {t("loadMore")}
      </button>
    </div>
  );
}

function Toasts({ studio }: { studio: Studio }) {
  const { undoable, failedRemoval } = studio.library;
  const undone = useSignal<Removal | null>(null);
  useEffect(() => {
    // Its card is in the list again.
    if (undone.value) focusOrTitle(document.getElementById(cardId(undone.value.id)));
  }, [undone.value]);
  const undo = (id: string) => {
    studio.library.undo(id);
    undone.value = { id };
  };
  return (
    <div class="toasts" role="status">
      {undoable.value.map(({ id }) => (
        <RemovalToast key={id} undo={() => undo(id)} />
      ))}
      {failedRemoval.value && <div class="toast bad">{t("notDeleted")}</div>}
      {studio.notice.value && <div class="toast">{t(studio.notice.value)}</div>}
    </div>
  );
}

function RemovalToast({ undo }: { undo: () => void }) {
  const toast = useRef<HTMLDivElement>(null);
  useLayoutEffect(
    // It disappears after the time to undo, even while its button has the focus.
    () => () => void (toast.current?.contains(document.activeElement) && focusOrTitle(null)),
    [],
  );
  return (
    <div ref={toast} class="toast">
      {t("deleted")}
      <button type="button" onClick={undo}>
        {t("undo")}
      </button>
    </div>
  );
}
