// The video on the stage: follows it and cancels it.

import { effect, signal, untracked } from "@preact/signals";
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
  /** The ID of the video that was in progress when it was last seen here. */
  let open: string | null = null;

  const stops = [
    effect(() => {
      const id = videoId.value;
      const known = library.find(id);
      // A list of other videos leaves it out.
      if (known !== undefined || video.peek()?.job_id !== id) video.value = known;
    }),
    effect(() => {
      const id = videoId.value;
      // Follow again in another language: Firestore's messages are in the job's own.
      language.value;
      return id ? follow(sourcesOf(app, id), (update) => onUpdate(id, update)) : undefined;
    }),
    effect(() => {
      const shown = video.value;
      const hasEnded = open !== null && open === shown?.job_id && shown.status !== "processing";
      open = shown?.status === "processing" ? shown.job_id : null;
      if (hasEnded) untracked(onEnd);
    }),
    effect(() => {
      storing.value = storingOf(video.value, storing.peek());
    }),
    effect(() => {
      topic.value = video.value ? TOPICS[video.value.status] : null;
      return () => (topic.value = null);
    }),
  ];

  function onUpdate(id: string, update: Video | null): void {
    if (update) library.put(update);
    else library.forget(id);
    if (update?.status === "failed") void refresh(id);
  }

  /** Reads the video again, with fresh URLs and with messages in the page's language. */
  async function refresh(id: string): Promise<void> {
    const asked = language.peek();
    const found = await api.getVideo(id).catch(() => null);
    if (found && asked === language.peek()) library.put(found);
  }

  async function cancel(id: string): Promise<void> {
    cancelling.value = id;
    try {
      library.put(await api.cancelVideo(id));
    } catch (error) {
      cancelling.value = null;
      onError(error);
    }
  }

  const close = () => stops.forEach((stop) => stop());
  return { video, cancelling, storing, refresh, cancel, close };
}
