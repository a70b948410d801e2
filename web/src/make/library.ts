// The user's videos, a page at a time, and those that are about to be deleted.

import { computed, signal } from "@preact/signals";
import { type Api, ApiProblem, isPassing, type Video } from "../api";
import { recall, remember } from "../storage";

export const UNDO_MS = 8_000;
const PAGE = 24;

export type Filter = Video["status"] | "all";
export interface Removal {
  id: string;
}

export type Library = ReturnType<typeof openLibrary>;

export function openLibrary(api: Api) {
  const place = `removals.${api.user}`;
  const loaded = signal<Video[]>([]);
  const filter = signal<Filter>("all");
  /** undefined: nothing was loaded yet; null: all is loaded. */
  const cursor = signal<string | null | undefined>(undefined);
  const isLoading = signal(false);
  const isDown = signal(false);
  const removals = signal<Removal[]>(recall<Removal[]>(place) ?? []);
  const failedRemoval = signal(false);
  const timers: ReturnType<typeof setTimeout>[] = [];
  let isClosed = false;

  const videos = computed(() => {
    const hidden = new Set(removals.value.map(({ id }) => id));
    return loaded.value.filter(
      ({ job_id, status }) =>
        !hidden.has(job_id) && (filter.value === "all" || status === filter.value),
    );
  });

  async function loadMore(): Promise<void> {
    if (isLoading.value || cursor.value === null) return;
    isLoading.value = true;
    const wanted = filter.value;
    const status = wanted === "all" ? {} : { status: wanted };
    try {
      const query = { limit: PAGE, cursor: cursor.value ?? null, ...status };
      const page = await api.listVideos(query);
      if (filter.value !== wanted) return;
      loaded.value = merged(loaded.value, page.videos);
      cursor.value = page.next_cursor;
      isDown.value = false;
    } catch {
      isDown.value = true;
    } finally {
      isLoading.value = false;
      if (filter.value !== wanted) void loadMore();
    }
  }

  function show(wanted: Filter): void {
    filter.value = wanted;
    loaded.value = [];
    cursor.value = undefined;
    void loadMore();
  }

  /** A video's newest state, wherever it is from. */
  function put(video: Video): void {
    loaded.value = merged(loaded.value, [video]);
  }

  function remove(id: string): void {
    keep([...removals.value, { id }]);
    soon(id);
  }

  function undo(id: string): void {
    keep(removals.value.filter((one) => one.id !== id));
  }

  function soon(id: string): void {
    timers.push(setTimeout(() => void carryOut(id), UNDO_MS));
  }

  async function carryOut(id: string): Promise<void> {
    if (removals.value.every((one) => one.id !== id)) return;
    const error: unknown = await api.deleteVideo(id).catch((error: unknown) => error);
    // It is asked for again when the user is back.
    if (isClosed) return;
    if (isPassing(error)) return soon(id);
    const isGone = !error || (error instanceof ApiProblem && error.status === 404);
    if (isGone) loaded.value = loaded.value.filter(({ job_id }) => job_id !== id);
    failedRemoval.value = !isGone;
    undo(id);
  }

  function keep(next: Removal[]): void {
    removals.value = next;
    remember(place, next.length ? next : null);
  }

  // A reload in between gives the time to undo again.
  for (const { id } of removals.value) soon(id);

  function close(): void {
    isClosed = true;
    for (const timer of timers) clearTimeout(timer);
  }

  return {
    ...{ videos, loaded, filter, cursor, isLoading, isDown, removals, failedRemoval },
    ...{ loadMore, show, put, remove, undo, close },
  };
}

/** Newest first, each once, in its newest state. */
export function merged(known: readonly Video[], fresh: readonly Video[]): Video[] {
  const byId = new Map(known.map((video) => [video.job_id, video]));
  for (const video of fresh) {
    const before = byId.get(video.job_id);
    if (!before || before.updated_at <= video.updated_at) byId.set(video.job_id, video);
  }
  return [...byId.values()].sort((a, b) => b.created_at.localeCompare(a.created_at));
}
