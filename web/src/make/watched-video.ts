// The video on the stage: follows it and cancels it.

import { effect, signal } from "@preact/signals";
import type { Video } from "../api";
import { type App, topic } from "../app-state";
import { language, type Message } from "../i18n";
import { videoId } from "../router";
import { follow, sourcesOf } from "./follow";
import type { Library } from "./library";
import { type Storing, storingOf } from "./stage";

const TOPICS: Record<Video["status"], Message> = {
  processing: ["inProgress"],
  completed: ["completedOnes"],
  failed: ["failedOnes"],
};

/** `onEnd`: a job that was watched has ended. `onError`: it could not be cancelled. */
export function openWatchedVideo(
  app: App,
  library: Library,
  onEnd: () => void,
  onError: (error: unknown) => void,
) {
  const { api } = app;
  /** undefined: not loaded yet; null: it doesn't exist. */
  const video = signal<Video | null | undefined>(undefined);
  /** The ID of the video whose cancellation was requested. */
  const cancelling = signal<string | null>(null);
  const storing = signal<Storing | null>(null);

  const stops = [
    effect(() => {
      const id = videoId.value;
      video.value = library.loaded.peek().find(({ job_id }) => job_id === id);
    }),
    effect(() => {
      const id = videoId.value;
      // Follow again in another language: Firestore's messages are in the job's own.
      language.value;
      return id ? follow(sourcesOf(app, id), onUpdate) : undefined;
    }),
    effect(() => {
      storing.value = storingOf(video.value, storing.peek());
    }),
    effect(() => {
      topic.value = video.value ? TOPICS[video.value.status] : null;
      return () => (topic.value = null);
    }),
  ];

  function onUpdate(update: Video | null): void {
    showVideo(update);
    if (update?.status === "failed") void refresh(update.job_id);
  }

  function showVideo(update: Video | null): void {
    const isEnd = update && update.status !== "processing";
    const wasOpen = video.peek()?.status === "processing";
    video.value = update;
    if (!update) return;
    library.put(update);
    if (isEnd) cancelling.value = null;
    if (isEnd && wasOpen) onEnd();
  }

  /** Reads the video again, with fresh URLs and with messages in the page's language. */
  async function refresh(id: string): Promise<void> {
    const found = await api.getVideo(id).catch(() => null);
    if (found) put(found);
  }

  /** Another video may have been opened meanwhile. */
  function put(update: Video): void {
    if (videoId.peek() === update.job_id) showVideo(update);
    else library.put(update);
  }

  async function cancel(id: string): Promise<void> {
    cancelling.value = id;
    try {
      put(await api.cancelVideo(id));
    } catch (error) {
      cancelling.value = null;
      onError(error);
    }
  }

  const close = () => stops.forEach((stop) => stop());
  return { video, cancelling, storing, refresh, cancel, close };
}
