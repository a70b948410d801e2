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
  /** When it was made, or last got further, in milliseconds since 1970. */
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
const MAX_STARTED = 8;
/** A paid video is stored within a day. */
const RECENT_MS = 24 * 60 * 60_000;

/** The click is too old to be sent: its tab may have slept for hours. */
export class Overslept extends Error {}

export interface StartedJob {
  id: string;
  /** The key of its click; earlier releases didn't store it. */
  key?: string;
  /** Milliseconds since 1970. */
  at: number;
  draft: Draft;
  isEndSeen: boolean;
}

interface Run {
  key: string;
  response: Promise<Created | null>;
  control: AbortController;
}

export const click = signal<Click | null>(null);
export const progress = signal<Progress>({ step: "sending" });
/** The latest jobs that this user started in this browser, newest first. */
export const startedJobs = signal<readonly StartedJob[]>([]);
/** Clicks that were given up, or whose tab was closed, but whose requests may have arrived. */
export const abandoned = signal<readonly Click[]>([]);
let owner: string | null = null;
let run: Run | null = null;
/** When the user clicked or came back, or an upload last got further. */
let activeAt = 0;

/** Switches to this user's click; another user's waits in the tab's storage. */
export function switchUser(user: string, now: number): void {
  if (owner !== user) startedJobs.value = [];
  owner = user;
  recallStartedJobs(user);
  const isSame = click.value?.user === user;
  if (!isSame) stop();
  click.value = isSame ? click.value : recall<Click>(`click.${user}`, sessionStorage);
  // Another tab may have erased the user's data since.
  const erased = recall<number>(`erased.${user}`) ?? Number.NEGATIVE_INFINITY;
  const isStale = ({ at }: Click) => at <= erased || now - at >= CLICK_LIFETIME_MS;
  if (click.value && isStale(click.value)) forget();
  updateSent(user, (sent) => sent.filter((one) => !isStale(one)));
  abandoned.value = storedSent(user).filter(({ key, body }) => body && key !== click.value?.key);
}

/** The jobs may have been started in another tab. */
export function recallStartedJobs(user: string): void {
  const stored = storedJobs(user);
  // Where storage is blocked, only this tab's jobs are known.
  if (stored.length) startedJobs.value = stored;
}

/** The drafts of all jobs and clicks that are stored for the user. */
export function storedDrafts(user: string): Draft[] {
  const click = recall<Click>(`click.${user}`, sessionStorage);
  const clicks = [...storedSent(user), ...(click ? [click] : [])];
  return [...storedJobs(user), ...clicks].map(({ draft }) => draft);
}

function storedJobs(user: string): StartedJob[] {
  const kept = recall<StartedJob | StartedJob[]>(`ordered.${user}`) ?? [];
  // The first releases stored one job instead of a list.
  return Array.isArray(kept) ? kept : [kept];
}

/** All tabs' clicks, until their user has seen the responses: a `body` may have been sent. */
function storedSent(user: string): Click[] {
  return recall<Click[]>(`sent.${user}`) ?? [];
}

/** The draft of a job that this user started in this browser. */
export function startedDraft(id: string): Draft | null {
  return startedJobs.value.find((job) => job.id === id)?.draft ?? null;
}

/**
 * A recent job with the draft's choices whose end the user hasn't seen: they may not want to pay
 * for the same video again.
 */
export function unseenJob(draft: Draft, now: number): StartedJob | null {
  const wanted = fingerprintOf(draft);
  const isSame = ({ at, draft, isEndSeen }: StartedJob) =>
    !isEndSeen && now - at < RECENT_MS && fingerprintOf(draft) === wanted;
  return startedJobs.value.find(isSame) ?? null;
}

/**
 * Reuses the key of a click with the same draft, because its request may have arrived, or may be
 * on its way: from this tab, which gave it up, or from another one, which may have been closed.
 */
export function newClick(user: string, draft: Draft, now: number): Click {
  const wanted = fingerprintOf(draft);
  const again = [...abandoned.value, ...storedSent(user)].find(
    (one) =>
      one.user === user &&
      now - one.at < CLICK_LIFETIME_MS &&
      fingerprintOf(one.draft) === wanted &&
      // The user has seen its job, in whichever tab, and wants another one.
      !startedJobs.value.some(({ key }) => key === one.key),
  );
  return again ?? { key: crypto.randomUUID(), user, at: now, draft, body: null };
}

/**
 * Resolves to the job, or to null if the click was abandoned. Throws ApiProblem, BadImage,
 * Overslept.
 *
 * A click that is already being sent isn't sent twice: a remounted view gets the same promise.
 */
export function sendClick(api: Api, clicked: Click): Promise<Created | null> {
  if (run?.key === clicked.key) return run.response;
  stop();
  activeAt = Date.now();
  const given = store(clicked);
  const control = new AbortController();
  run = { key: given.key, control, response: send(api, given, control.signal) };
  return run.response;
}

/** Call once the user has seen the response. */
export function markSeen(made: Video, now: number): void {
  if (!click.value) return;
  const { user, draft, key } = click.value;
  const job: StartedJob = { id: made.job_id, key, at: now, draft, isEndSeen: false };
  updateStartedJobs(user, (jobs) =>
    [job, ...jobs.filter(({ id }) => id !== job.id)].slice(0, MAX_STARTED),
  );
  forget();
}

/** Call once the user has seen how the job ended. */
export function markEndSeen(id: string): void {
  if (!owner || !startedJobs.peek().some((job) => job.id === id && !job.isEndSeen)) return;
  updateStartedJobs(owner, (jobs) =>
    jobs.map((job) => (job.id === id ? { ...job, isEndSeen: true } : job)),
  );
}

/** Changes this tab's list and the stored one: another tab may have started a job, or erased them. */
function updateStartedJobs(
  user: string,
  change: (jobs: readonly StartedJob[]) => readonly StartedJob[],
): void {
  startedJobs.value = change(startedJobs.peek());
  const stored = change(storedJobs(user));
  remember(`ordered.${user}`, stored.length ? stored : null);
}

/** Stops retrying. The request may still have arrived; then the library shows its video. */
export function abandon(): void {
  // Without a body, this tab has sent nothing; but another one may be sending the same click.
  const given = drop();
  if (given?.body) abandoned.value = [...abandoned.value, given];
}

/** Call if `sendClick` threw. Unless the API refused the request itself, it may have arrived. */
export function markFailed(error: unknown): void {
  const isRefusal = error instanceof ApiProblem && error.status !== 401;
  // Without a body, only an upload was refused.
  if (isRefusal && click.value?.body) forget();
  else abandon();
}

/** Drops the click and its key. */
export function forget(): void {
  const given = drop();
  if (!given) return;
  const isOther = ({ key }: Click) => key !== given.key;
  abandoned.value = abandoned.value.filter(isOther);
  updateSent(given.user, (sent) => sent.filter(isOther));
}

function drop(): Click | null {
  stop();
  const given = click.value;
  if (given) remember(`click.${given.user}`, null, sessionStorage);
  click.value = null;
  return given;
}

function updateSent(user: string, change: (sent: Click[]) => Click[]): void {
  const sent = change(storedSent(user));
  remember(`sent.${user}`, sent.length ? sent : null);
}

/** Deletes everything that this tab stores about the user's clicks. */
export function forgetUser(user: string): void {
  if (owner === user) {
    forget();
    startedJobs.value = [];
    abandoned.value = [];
  }
  remember(`click.${user}`, null, sessionStorage);
  remember(`sent.${user}`, null);
  remember(`ordered.${user}`, null);
}

function store(given: Click): Click {
  // Another tab may have been faster with the same click.
  const known = storedSent(given.user).find(({ key }) => key === given.key)?.body;
  const next = { ...given, at: activeAt, body: known ?? given.body };
  click.value = next;
  // Only this tab goes on sending it after a reload.
  remember(`click.${next.user}`, next, sessionStorage);
  updateSent(next.user, (sent) => [...sent.filter(({ key }) => key !== next.key), next]);
  return next;
}

function stop(): void {
  run?.control.abort();
  run = null;
}

async function send(api: Api, given: Click, signal: AbortSignal): Promise<Created | null> {
  const { key, user } = given;
  const made = given.body ?? (await retryUntilResponse(signal, () => bodyOf(api, given, signal)));
  if (!made) return null;
  const body = store({ ...given, body: made }).body ?? made;
  // Another tab's user may have seen its job.
  const job = storedJobs(user).find((one) => one.key === key);
  reportProgress(signal, { step: "sending" });
  return retryUntilResponse(signal, async () =>
    job ? { video: await api.getVideo(job.id), isReplayed: true } : api.createVideo(body, key),
  );
}

async function retryUntilResponse<T>(
  signal: AbortSignal,
  call: () => Promise<T>,
): Promise<T | null> {
  for (let tries = 0; !signal.aborted; tries++) {
    if (isOld()) throw overslept();
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

function isOld(): boolean {
  return Date.now() - activeAt >= CLICK_LIFETIME_MS;
}

/** The user is asked to click again: that click reuses the key, because this one may have arrived. */
function overslept(): Overslept {
  activeAt = Date.now();
  if (click.value) store(click.value);
  return new Overslept();
}

function reportProgress(signal: AbortSignal, next: Progress): void {
  if (signal.aborted) return;
  // A large image may take longer. But an upload that ended while the tab slept is reported late.
  if (next.step === "uploading" && !isOld()) activeAt = Date.now();
  progress.value = next;
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
  return upload(api, part, signal, (done) =>
    reportProgress(signal, { step: "uploading", part: done }),
  );
}
