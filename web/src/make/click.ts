// From a click to a job. One click is one job: its key is kept until its user saw the answer.

import { signal } from "@preact/signals";
import {
  type Api,
  ApiProblem,
  isPassing,
  type Unreachable,
  type Video,
  type VideoRequest,
} from "../api";
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
  /** Whose wish it is, and whose money: it waits for this user. */
  user: string;
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

export interface Order {
  id: string;
  draft: Draft;
}

interface Run {
  key: string;
  answer: Promise<Video | null>;
  control: AbortController;
}

export const click = signal<Click | null>(null);
export const progress = signal<Progress>({ step: "sending" });
/** The last job that was asked for here, and the draft that it was made of. */
export const ordered = signal<Order | null>(null);
let owner: string | null = null;
let run: Run | null = null;

/** This user's click alone is shown and goes on; another's waits in the tab. */
export function belongTo(user: string, now: number): void {
  owner = user;
  ordered.value = recall<Order>(`ordered.${user}`);
  const isSame = click.value?.user === user;
  if (!isSame) stop();
  click.value = isSame ? click.value : recall<Click>(`click.${user}`, sessionStorage);
  // What another tab has erased meanwhile, with what was kept.
  const erased = recall<number>(`erased.${user}`) ?? Number.NEGATIVE_INFINITY;
  const isOver = (at: number) => at <= erased || now - at >= FORGOTTEN_AFTER_MS;
  if (click.value && isOver(click.value.at)) forget();
}

export function newClick(user: string, draft: Draft, now: number): Click {
  return { key: crypto.randomUUID(), user, at: now, draft, body: null };
}

/**
 * The job; null if nobody waits for it any more. Raises ApiProblem, BadImage.
 *
 * What is under way already goes on: a view that is opened again gets its answer.
 */
export function carryOut(api: Api, given: Click): Promise<Video | null> {
  if (run?.key === given.key) return run.answer;
  stop();
  keep(given);
  const control = new AbortController();
  run = { key: given.key, control, answer: send(api, given, control.signal) };
  return run.answer;
}

/** The answer was seen. */
export function settle(made: Video): void {
  if (!click.value) return;
  const { user, draft } = click.value;
  ordered.value = { id: made.job_id, draft };
  remember(`ordered.${user}`, ordered.value);
  forget();
}

/** What was sent may still have arrived; the library will show it. */
export function forget(): void {
  stop();
  if (click.value) remember(`click.${click.value.user}`, null, sessionStorage);
  click.value = null;
}

/** Nothing of this user's clicks stays in this tab. */
export function forgetUser(user: string): void {
  if (owner === user) {
    forget();
    ordered.value = null;
  }
  remember(`click.${user}`, null, sessionStorage);
  remember(`ordered.${user}`, null);
}

function keep(next: Click): void {
  click.value = next;
  // Of this tab alone: two tabs must not send for one click.
  remember(`click.${next.user}`, next, sessionStorage);
}

function stop(): void {
  run?.control.abort();
  run = null;
}

async function send(api: Api, given: Click, signal: AbortSignal): Promise<Video | null> {
  const body =
    given.body ?? (await untilAnswered(signal, () => bodyOf(api, given, signal)));
  if (!body) return null;
  keep({ ...given, body });
  tell(signal, { step: "sending" });
  return untilAnswered(signal, () => api.createVideo(body, given.key));
}

async function untilAnswered<T>(
  signal: AbortSignal,
  call: () => Promise<T>,
): Promise<T | null> {
  for (let tries = 0; !signal.aborted; tries++) {
    try {
      const answer = await call();
      return signal.aborted ? null : answer;
    } catch (error) {
      if (signal.aborted) return null;
      if (!isPassing(error)) throw error;
      tell(signal, { step: "retrying" });
      await pause(error, tries);
    }
  }
  return null;
}

function tell(signal: AbortSignal, next: Progress): void {
  if (!signal.aborted) progress.value = next;
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

async function bodyOf(
  api: Api,
  { draft }: Click,
  signal: AbortSignal,
): Promise<VideoRequest> {
  const sent = (one: PickedImage | null) => one && uploaded(api, draft, one, signal);
  const image = await sent(draft.image);
  const lastImage = await sent(draft.lastImage);
  return requestOf(draft, { image, lastImage });
}

async function uploaded(
  api: Api,
  { shape, offset }: Draft,
  image: PickedImage,
  signal: AbortSignal,
): Promise<string> {
  const blob = await readBlob(image.id);
  // Without it the request would be for another video.
  if (!blob) throw new BadImage("lost");
  tell(signal, { step: "uploading", part: 0 });
  const crop = cropOf(shape, image, offset);
  const part = isWhole(crop, image) ? blob : await cropped(blob, crop);
  return upload(api, part, (done) => tell(signal, { step: "uploading", part: done }));
}
