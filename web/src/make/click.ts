// Turns one click into one job: its idempotency key is kept until its user has seen the response.

import { signal } from "@preact/signals";
import {
  type Api,
  ApiProblem,
  type Created,
  isTransient,
  type Unreachable,
  type Video,
  type VideoRequest,
} from "../api";
import { recall, remember } from "../storage";
import { readBlob } from "./blobs";
import { cropOf, isWhole } from "./crop";
import { type Draft, fingerprintOf } from "./draft";
import type { ImagePlace } from "./errors";
import { BadImage, cropped } from "./image";
import { requestOf } from "./request";
import { upload } from "./upload";

export interface Click {
  /** The `Idempotency-Key`. */
  key: string;
  /** The user who clicked and pays: it is sent only while this user is signed in. */
  user: string;
  /** Milliseconds since 1970. */
  at: number;
  draft: Draft;
  /** Never changes once it is set: a key is always sent with the same body. */
  body: VideoRequest | null;
}

export type Progress =
  | { step: "uploading"; part: number }
  | { step: "sending" }
  /** No response yet: the same request is sent again. */
  | { step: "retrying" };

/** A click older than this is dropped, not resent. */
export const CLICK_LIFETIME_MS = 15 * 60_000;
const MAX_PAUSE_MS = 15_000;

export interface StartedJob {
  id: string;
  draft: Draft;
  /** Without it, the job may be in progress: the same video would be paid for again. */
  hasEnded?: boolean;
}

interface Run {
  key: string;
  response: Promise<Created | null>;
  control: AbortController;
}

export const click = signal<Click | null>(null);
export const progress = signal<Progress>({ step: "sending" });
/** The last job that this user started in this browser, with its draft. */
export const lastJob = signal<StartedJob | null>(null);
let owner: string | null = null;
let run: Run | null = null;

/** Switches to this user's click; another user's waits in the tab's storage. */
export function switchUser(user: string, now: number): void {
  owner = user;
  recallLastJob(user);
  const isSame = click.value?.user === user;
  if (!isSame) stop();
  click.value = isSame ? click.value : recall<Click>(`click.${user}`, sessionStorage);
  // Another tab may have erased the user's data since.
  const erased = recall<number>(`erased.${user}`) ?? Number.NEGATIVE_INFINITY;
  const isStale = (at: number) => at <= erased || now - at >= CLICK_LIFETIME_MS;
  if (click.value && isStale(click.value.at)) forget();
}

/** The job may have been started, or erased, in another tab. */
export function recallLastJob(user: string): void {
  lastJob.value = recall<StartedJob>(`ordered.${user}`);
}

/** Reuses the key of an abandoned click with the same draft, because its request may have arrived. */
export function newClick(user: string, draft: Draft, now: number): Click {
  const abandoned = recall<Click>(`given-up.${user}`, sessionStorage);
  const isRecent = abandoned && now - abandoned.at < CLICK_LIFETIME_MS;
  if (isRecent && fingerprintOf(abandoned.draft) === fingerprintOf(draft)) return abandoned;
  return { key: crypto.randomUUID(), user, at: now, draft, body: null };
}

/**
 * Resolves to the job, or to null if the click was abandoned. Throws ApiProblem, BadImage.
 *
 * A click that is already being sent isn't sent twice: a remounted view gets the same promise.
 */
export function sendClick(api: Api, given: Click): Promise<Created | null> {
  if (run?.key === given.key) return run.response;
  stop();
  store(given);
  const control = new AbortController();
  run = { key: given.key, control, response: send(api, given, control.signal) };
  return run.response;
}

/** Call once the user has seen the response. */
export function markSeen(made: Video): void {
  if (!click.value) return;
  const { user, draft } = click.value;
  lastJob.value = { id: made.job_id, draft };
  remember(`ordered.${user}`, lastJob.value);
  forget();
}

export function markEnded(id: string): void {
  if (!owner || lastJob.value?.id !== id || lastJob.value.hasEnded) return;
  lastJob.value = { ...lastJob.value, hasEnded: true };
  // Another tab may have started a later job, or erased this one.
  const stored = recall<StartedJob>(`ordered.${owner}`);
  if (stored?.id === id) remember(`ordered.${owner}`, lastJob.value);
}

/** Stops retrying. The request may still have arrived; then the library shows its video. */
export function abandon(): void {
  const given = click.value;
  forget();
  if (given?.body) remember(`given-up.${given.user}`, given, sessionStorage);
}

/** Drops the click and its key. */
export function forget(): void {
  stop();
  if (click.value) clearStorage(click.value.user);
  click.value = null;
}

function clearStorage(user: string): void {
  remember(`click.${user}`, null, sessionStorage);
  remember(`given-up.${user}`, null, sessionStorage);
}

/** Deletes everything that this tab stores about the user's clicks. */
export function forgetUser(user: string): void {
  if (owner === user) {
    forget();
    lastJob.value = null;
  }
  clearStorage(user);
  remember(`ordered.${user}`, null);
}

function store(next: Click): void {
  click.value = next;
  // Only in this tab: two tabs must not send the same click.
  remember(`click.${next.user}`, next, sessionStorage);
}

function stop(): void {
  run?.control.abort();
  run = null;
}

async function send(api: Api, given: Click, signal: AbortSignal): Promise<Created | null> {
  const body =
    given.body ?? (await retryUntilResponse(signal, () => bodyOf(api, given, signal)));
  if (!body) return null;
  store({ ...given, body });
  reportProgress(signal, { step: "sending" });
  return retryUntilResponse(signal, () => api.createVideo(body, given.key));
}

async function retryUntilResponse<T>(
  signal: AbortSignal,
  call: () => Promise<T>,
): Promise<T | null> {
  for (let tries = 0; !signal.aborted; tries++) {
    try {
      const response = await call();
      return signal.aborted ? null : response;
    } catch (error) {
      if (signal.aborted) return null;
      if (!isTransient(error)) throw error;
      reportProgress(signal, { step: "retrying" });
      await pause(error, tries);
    }
  }
  return null;
}

function reportProgress(signal: AbortSignal, next: Progress): void {
  if (!signal.aborted) progress.value = next;
}

/** Waits before the next try, or until the browser is back online. */
function pause(error: Unreachable | ApiProblem, tries: number): Promise<void> {
  const retryAfter = error instanceof ApiProblem ? error.retryAfterSeconds : null;
  const milliseconds = (retryAfter ?? 2 ** tries) * 1000;
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(MAX_PAUSE_MS, milliseconds));
    addEventListener("online", done);
  });
}

async function bodyOf(
  api: Api,
  { draft }: Click,
  signal: AbortSignal,
): Promise<VideoRequest> {
  const image = await uploadCropped(api, draft, "image", signal);
  const lastImage = await uploadCropped(api, draft, "lastImage", signal);
  return requestOf(draft, { image, lastImage });
}

async function uploadCropped(
  api: Api,
  draft: Draft,
  place: ImagePlace,
  signal: AbortSignal,
): Promise<string | null> {
  const image = draft[place];
  if (!image) return null;
  const blob = await readBlob(image.id);
  // Without its image, the request would make a different video.
  if (!blob) throw new BadImage("lost", place);
  reportProgress(signal, { step: "uploading", part: 0 });
  const crop = cropOf(draft.shape, image, draft.offset);
  const part = isWhole(crop, image) ? blob : await cropped(blob, crop);
  return upload(api, part, (done) => reportProgress(signal, { step: "uploading", part: done }));
}
