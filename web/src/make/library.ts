// Loads the user's videos page by page, and deletes videos after a time to undo.

import { computed, signal } from "@preact/signals";
import { type Api, ApiProblem, isTransient, type Video } from "../api";
import { onChange, recall, remember } from "../storage";

export const UNDO_MS = 8_000;
const PAGE = 24;
/** 1, 2, 4 … s: for two minutes altogether. */
const LOOKS_MS = Array.from({ length: 7 }, (_, n) => 1000 * 2 ** n);

export type Filter = Video["status"] | "all";
export interface Removal {
  id: string;
  /** The API was asked to delete the video, and may have done so. */
  isSent?: boolean;
}

export type Library = ReturnType<typeof openLibrary>;

export function openLibrary(api: Api) {
  const storageKey = `removals.${api.user}`;
  const loaded = signal<Video[]>([]);
  const filter = signal<Filter>("all");
  /** undefined: nothing is loaded yet; null: everything is. */
  const cursor = signal<string | null | undefined>(undefined);
  const isLoading = signal(false);
  const isDown = signal(false);
  const removals = signal<Removal[]>(recall<Removal[]>(storageKey) ?? []);
  const failedRemoval = signal(false);
  /** They don't exist any more, though responses that are on their way may still have them. */
  const gone = new Set<string>();
  const timers: ReturnType<typeof setTimeout>[] = [];
  /** How often a list was chosen: a page of an earlier one is left out. */
  let lists = 0;
  let nextLook: ReturnType<typeof setTimeout>;
  let isClosed = false;

  const videos = computed(() => {
    const hidden = new Set(removals.value.map(({ id }) => id));
    return loaded.value.filter(
      ({ job_id, status }) =>
        !hidden.has(job_id) && (filter.value === "all" || status === filter.value),
    );
  });

  /** Deletions that can still be undone. */
  const undoable = computed(() => removals.value.filter(({ isSent }) => !isSent));

  async function loadMore(): Promise<void> {
    if (isLoading.value || cursor.value === null) return;
    isLoading.value = true;
    const list = lists;
    const status = filter.value === "all" ? {} : { status: filter.value };
    try {
      const query = { limit: PAGE, cursor: cursor.value ?? null, ...status };
      const page = await api.listVideos(query);
      if (list !== lists) return;
      add(page.videos);
      cursor.value = page.next_cursor;
      isDown.value = false;
    } catch {
      isDown.value = true;
    } finally {
      isLoading.value = false;
      if (list !== lists) void loadMore();
    }
  }

  function show(wanted: Filter): void {
    lists++;
    filter.value = wanted;
    // Those in progress may end up in this list.
    loaded.value = loaded.value.filter(({ status }) => status === "processing");
    cursor.value = undefined;
    void loadMore();
  }

  /** Looks for new videos several times: a request may arrive after its response was given up. */
  async function lookForNew([pause, ...rest] = LOOKS_MS): Promise<void> {
    clearTimeout(nextLook);
    const page = await api.listVideos({ limit: PAGE }).catch(() => null);
    if (isClosed) return;
    if (page) add(page.videos);
    clearTimeout(nextLook);
    if (pause) nextLook = setTimeout(() => void lookForNew(rest), pause);
  }

  /** The newest state that is known; null: it doesn't exist; undefined: it isn't loaded. */
  function find(id: string | null): Video | null | undefined {
    const known = loaded.value.find(({ job_id }) => job_id === id);
    return known ?? (id && gone.has(id) ? null : undefined);
  }

  /** Adds or updates a video; an older state than the known one is ignored. */
  function put(video: Video): void {
    add([video]);
  }

  function add(fresh: readonly Video[]): void {
    loaded.value = merged(loaded.value, fresh.filter(({ job_id }) => !gone.has(job_id)));
  }

  function remove(id: string): void {
    updateRemovals((list) => [...list, { id }]);
    scheduleRemoval(id);
  }

  function undo(id: string): void {
    updateRemovals((list) => list.filter((one) => one.id !== id));
  }

  function scheduleRemoval(id: string): void {
    timers.push(setTimeout(() => void deleteNow(id), UNDO_MS));
  }

  async function deleteNow(id: string): Promise<void> {
    if (removals.value.every((one) => one.id !== id)) return;
    updateRemovals((list) => list.map((one) => (one.id === id ? { id, isSent: true } : one)));
    const error: unknown = await api.deleteVideo(id).catch((error: unknown) => error);
    // The deletion is stored, and is tried again when the user is back.
    if (isClosed) return;
    if (isTransient(error)) return scheduleRemoval(id);
    const isDone = !error || isGone(error);
    if (isDone) forget(id);
    failedRemoval.value = !isDone;
    undo(id);
  }

  function forget(id: string): void {
    gone.add(id);
    loaded.value = loaded.value.filter(({ job_id }) => job_id !== id);
  }

  /** Applies `change` to this tab's removals and to the stored list, which all tabs share. */
  function updateRemovals(change: (list: Removal[]) => Removal[]): void {
    removals.value = change(removals.value);
    const all = change(recall<Removal[]>(storageKey) ?? []);
    remember(storageKey, all.length ? all : null);
  }

  /** Takes over what another tab has sent, undone or finished; the API tells which of the last two. */
  function syncRemovals(): void {
    const kept = new Map(recall<Removal[]>(storageKey)?.map((one) => [one.id, one]));
    const settled = removals.value.filter(({ id }) => !kept.has(id));
    removals.value = removals.value.flatMap(({ id }) => kept.get(id) ?? []);
    for (const { id } of settled) void api.getVideo(id).catch((error) => isGone(error) && forget(id));
  }
  const stop = onChange(storageKey, syncRemovals);

  // After a reload, the time to undo starts again.
  for (const { id } of removals.value) scheduleRemoval(id);

  function close(): void {
    isClosed = true;
    stop();
    for (const timer of [...timers, nextLook]) clearTimeout(timer);
  }

  return {
    ...{ videos, loaded, filter, cursor, isLoading, isDown, removals, undoable, failedRemoval },
    ...{ loadMore, lookForNew, show, find, put, forget, remove, undo, close },
  };
}

function isGone(error: unknown): boolean {
  return error instanceof ApiProblem && error.status === 404;
}

/** Both lists, newest first; each video once, in its newest state. */
export function merged(known: readonly Video[], fresh: readonly Video[]): Video[] {
  const byId = new Map(known.map((video) => [video.job_id, video]));
  for (const video of fresh) {
    const before = byId.get(video.job_id);
    if (!before || ageOf(before) <= ageOf(video)) byId.set(video.job_id, video);
  }
  return [...byId.values()].sort((a, b) => b.created_at.localeCompare(a.created_at));
}

/** Sorts the states of one video. New URLs are no update of the video. */
function ageOf({ updated_at, video_url_expires_at }: Video): string {
  return `${updated_at} ${video_url_expires_at ?? ""}`;
}
