// Follows one video with a Firestore listener, and polls the API while the listener is silent.

import type { Firestore } from "firebase/firestore";
import type { App } from "../app-state";
import { ApiProblem, type Video } from "../api";

export const SILENCE_MS = 20_000;
export const POLL_INTERVAL_MS = 5_000;

/** Where updates come from; tests provide their own. */
export interface Sources {
  /** Calls `onUpdate` with each state (null: the video doesn't exist), `onError` if the listener fails. */
  listen(onUpdate: (video: Video | null) => void, onError: () => void): Promise<() => void>;
  get(): Promise<Video | null>;
}

/** Stops when the job has ended, or when the returned function is called. */
export function follow(
  sources: Sources,
  onUpdate: (video: Video | null) => void,
): () => void {
  let hasEnded = false;
  let timer: ReturnType<typeof setTimeout>;
  let stopListening = () => {};

  const report = (video: Video | null) => {
    if (hasEnded) return;
    onUpdate(video);
    schedulePoll(SILENCE_MS);
    if (!video || video.status !== "processing") stop();
  };
  const poll = async () => {
    const video = await sources.get().catch(() => undefined);
    if (hasEnded) return;
    if (video !== undefined) report(video);
    // Keep polling until the listener delivers again.
    if (!hasEnded) schedulePoll(POLL_INTERVAL_MS);
  };
  const schedulePoll = (milliseconds: number) => {
    clearTimeout(timer);
    timer = setTimeout(poll, milliseconds);
  };
  const stop = () => {
    hasEnded = true;
    clearTimeout(timer);
    stopListening();
    globalThis.removeEventListener?.("online", poll);
  };

  schedulePoll(SILENCE_MS);
  globalThis.addEventListener?.("online", poll);
  sources
    .listen(report, () => schedulePoll(0))
    .then((unsubscribe) => {
      if (hasEnded) unsubscribe();
      else stopListening = unsubscribe;
    })
    .catch(() => hasEnded || schedulePoll(0));
  return stop;
}

export function sourcesOf(app: App, id: string): Sources {
  return {
    async listen(onUpdate, onError) {
      const { doc, onSnapshot } = await import("../firebase/firestore");
      return onSnapshot(
        doc(await storeOf(app), "videos", id),
        (snapshot) => {
          if (snapshot.exists()) onUpdate(toApiFormat(snapshot.data()) as Video);
          else if (!snapshot.metadata.fromCache) onUpdate(null);
        },
        onError,
      );
    },
    get: () =>
      app.api.getVideo(id).catch((error: unknown) => {
        if (error instanceof ApiProblem && error.status === 404) return null;
        throw error;
      }),
  };
}

const stores = new Map<string, Promise<Firestore>>();

function storeOf({ session }: App): Promise<Firestore> {
  const user = session.user.value?.id ?? "";
  const store = stores.get(user) ?? session.firestore();
  stores.set(user, store);
  return store;
}

/** Converts Firestore's timestamps to the ISO 8601 strings of the API. */
function toApiFormat(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toApiFormat);
  if (typeof value !== "object" || value === null) return value;
  if ("toDate" in value) return (value as { toDate(): Date }).toDate().toISOString();
  const entries = Object.entries(value).map(([name, part]) => [name, toApiFormat(part)]);
  return Object.fromEntries(entries);
}
