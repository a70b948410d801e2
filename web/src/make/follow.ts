// Follows one video: by a Firestore listener, and by GET where that is silent.

import type { Firestore } from "firebase/firestore";
import type { App } from "../app-state";
import { ApiProblem, type Video } from "../api";

export const SILENCE_MS = 20_000;
export const PAUSE_MS = 5_000;

/** How the video is learnt about; the page's own parts, or a test's. */
export interface Sources {
  /** Calls `tell` with each state; null: there is no such video (any more). */
  listen(tell: (video: Video | null) => void, failed: () => void): Promise<() => void>;
  get(): Promise<Video | null>;
}

/** Until the returned function is called, or the job is over. */
export function follow(
  sources: Sources,
  tell: (video: Video | null) => void,
): () => void {
  let isOver = false;
  let timer: ReturnType<typeof setTimeout>;
  let stopListening = () => {};

  const hear = (video: Video | null) => {
    if (isOver) return;
    tell(video);
    wait(SILENCE_MS);
    if (!video || video.status !== "processing") stop();
  };
  const ask = async () => {
    const video = await sources.get().catch(() => undefined);
    if (isOver) return;
    if (video !== undefined) hear(video);
    // Silence goes on until the listener speaks; then it is waited for again.
    if (!isOver) wait(PAUSE_MS);
  };
  const wait = (milliseconds: number) => {
    clearTimeout(timer);
    timer = setTimeout(ask, milliseconds);
  };
  const stop = () => {
    isOver = true;
    clearTimeout(timer);
    stopListening();
    globalThis.removeEventListener?.("online", ask);
  };

  wait(SILENCE_MS);
  globalThis.addEventListener?.("online", ask);
  sources
    .listen(hear, () => wait(0))
    .then((unsubscribe) => {
      if (isOver) unsubscribe();
      else stopListening = unsubscribe;
    })
    .catch(() => isOver || wait(0));
  return stop;
}

export function sourcesOf(app: App, id: string): Sources {
  return {
    async listen(tell, failed) {
      const { doc, onSnapshot } = await import("../firebase/firestore");
      return onSnapshot(
        doc(await storeOf(app), "videos", id),
        (snapshot) => {
          if (snapshot.exists()) tell(asAnswered(snapshot.data()) as Video);
          else if (!snapshot.metadata.fromCache) tell(null);
        },
        failed,
      );
    },
    get: () =>
      app.api.getVideo(id).catch((error: unknown) => {
        if (error instanceof ApiProblem && error.status === 404) return null;
        throw error;
      }),
  };
}

const opened = new Map<string, Promise<Firestore>>();

function storeOf({ session }: App): Promise<Firestore> {
  const user = session.user.value?.id ?? "";
  const store = opened.get(user) ?? session.firestore();
  opened.set(user, store);
  return store;
}

/** Firestore's timestamps as the API's texts. */
function asAnswered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asAnswered);
  if (typeof value !== "object" || value === null) return value;
  if ("toDate" in value) return (value as { toDate(): Date }).toDate().toISOString();
  const entries = Object.entries(value).map(([name, part]) => [name, asAnswered(part)]);
  return Object.fromEntries(entries);
}
