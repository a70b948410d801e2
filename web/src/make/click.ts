// From a click to a job. One click is one job: its key is kept until the API answered.

import { signal } from "@preact/signals";
import { type Api, ApiProblem, Unreachable, type Video, type VideoRequest } from "../api";
import { recall, remember } from "../storage";
import { readBlob } from "./blobs";
import { cropOf, isWhole } from "./crop";
import type { Draft, PickedImage } from "./draft";
import { BadImage, cropped } from "./image";
import { requestOf } from "./request";
import { upload } from "./upload";

export interface Click {
  /** The `Idempotency-Key`. */
  key: string;
  /** Milliseconds since 1970. */
  at: number;
  draft: Draft;
  /** Once it is set it stays: the same key is never sent with another body. */
  body: VideoRequest | null;
}

export type Progress =
  | { step: "uploading"; part: number }
  | { step: "sending" }
  /** No answer yet: the same is sent again. */
  | { step: "retrying" };

/** After this, what was clicked is only done if it is clicked again. */
export const FORGOTTEN_AFTER_MS = 15 * 60_000;
const LONGEST_PAUSE_MS = 15_000;

export const click = signal<Click | null>(null);
export const progress = signal<Progress>({ step: "sending" });

function keep(next: Click | null): void {
  click.value = next;
  // Of this tab alone: two tabs must not send for one click.
  remember("click", next, sessionStorage);
}

/** What a reload interrupted, if it is recent enough to be still wanted. */
export function interrupted(now: number): Click | null {
  const found = recall<Click>("click", sessionStorage);
  if (found && now - found.at < FORGOTTEN_AFTER_MS) return found;
  remember("click", null, sessionStorage);
  return null;
}

export function newClick(draft: Draft, now: number): Click {
  return { key: crypto.randomUUID(), at: now, draft, body: null };
}

/** The job; null if the user gave up waiting. Raises ApiProblem, BadImage. */
export async function carryOut(api: Api, given: Click): Promise<Video | null> {
  keep(given);
  const isWanted = () => click.value?.key === given.key;
  try {
    const body = given.body ?? (await untilAnswered(isWanted, () => bodyOf(api, given)));
    if (!body || !isWanted()) return null;
    keep({ ...given, body });
    progress.value = { step: "sending" };
    return await untilAnswered(isWanted, () => api.createVideo(body, given.key));
  } finally {
    if (isWanted()) keep(null);
  }
}

/** What was sent may still have arrived; the library will show it. */
export function giveUp(): void {
  keep(null);
}

async function untilAnswered<T>(
  isWanted: () => boolean,
  call: () => Promise<T>,
): Promise<T | null> {
  for (let tries = 0; isWanted(); tries++) {
    try {
      return await call();
    } catch (error) {
      if (!isPassing(error)) throw error;
      progress.value = { step: "retrying" };
      await pause(error, tries);
    }
  }
  return null;
}

function isPassing(error: unknown): error is Unreachable | ApiProblem {
  if (error instanceof Unreachable) return true;
  if (!(error instanceof ApiProblem)) return false;
  return ["unavailable", "internal", "too_many_requests"].includes(error.code);
}

/** Back online ends it early. */
function pause(error: Unreachable | ApiProblem, tries: number): Promise<void> {
  const asked = error instanceof ApiProblem ? error.retryAfterSeconds : null;
  const milliseconds = (asked ?? 2 ** tries) * 1000;
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(LONGEST_PAUSE_MS, milliseconds));
    addEventListener("online", done);
  });
}

async function bodyOf(api: Api, { draft }: Click): Promise<VideoRequest> {
  const image = draft.image && (await uploaded(api, draft, draft.image));
  const lastImage = draft.lastImage && (await uploaded(api, draft, draft.lastImage));
  return requestOf(draft, { image, lastImage });
}

async function uploaded(
  api: Api,
  { shape, offset }: Draft,
  image: PickedImage,
): Promise<string> {
  const blob = await readBlob(image.id);
  // Without it the request would be for another video.
  if (!blob) throw new BadImage("lost");
  progress.value = { step: "uploading", part: 0 };
  const crop = cropOf(shape, image, offset);
  const part = isWhole(crop, image) ? blob : await cropped(blob, crop);
  return upload(api, part, (done) => {
    progress.value = { step: "uploading", part: done };
  });
}
