// The state and the actions of the view that makes videos.

import { computed, effect, signal, untracked } from "@preact/signals";
import { ApiProblem, type Created, type Video } from "../api";
import type { App } from "../app-state";
import { textOf } from "../i18n";
import { go, pathOf, videoId } from "../router";
import { onChange } from "../storage";
import { readBlob } from "./blobs";
import * as clicks from "./click";
import { debounced } from "./debounced";
import * as drafts from "./draft";
import { change, type Draft, draft, fingerprintOf } from "./draft";
import type { Failure, ImagePlace } from "./errors";
import { BadImage } from "./image";
import { openLibrary } from "./library";
import { obstacleOf, reasonOf, riseOf } from "./limits";
import { openPicking } from "./picking";
import { openPrices } from "./prices";
import { draftOf, imageAt, untriedModel } from "./reuse";
import { openTranslation } from "./translation";
import { openWatchedVideo } from "./watched-video";
import "./user-data"; // erases this tab's data when another tab does

export type Studio = ReturnType<typeof openStudio>;

const NOTICE_MS = 6000;
type Notice = "copied" | "hadArrived";

export function openStudio(app: App) {
  const { api } = app;
  drafts.switchUser(api.user);
  clicks.switchUser(api.user, Date.now());
  const failure = signal<Failure | null>(null);
  const library = openLibrary(api);
  const prices = openPrices(api);
  const picking = openPicking(app, clearFailure, fail);
  const translation = openTranslation(api);
  // The attempts may have changed which provider is asked first.
  const watched = openWatchedVideo(app, library, () => void prices.refreshPrice(), fail);
  const { fit, models } = prices;
  const { usesAddress } = picking;
  const { video } = watched;
  /** Whether a file or link is being dragged over the page. */
  const isDragged = signal(false);
  const isOnline = signal(navigator.onLine);
  /** A message that is shown for a few seconds. */
  const notice = signal<Notice | null>(null);
  let isClosed = false;

  /** Whether a click is waiting for the current price. */
  const isPricing = signal(false);
  const isMaking = computed(() => clicks.click.value !== null || isPricing.value);
  /** Whether a click makes nothing; the button, or the text above it, says why. */
  const isBlocked = computed(() => {
    // Before the image is loaded, this would make a video from the prompt alone.
    if (isMaking.value || picking.isReading.value) return true;
    return !prices.shownPrice.value || prices.obstacle.value !== null;
  });
  /** The job that may already make the draft's video: the user is asked whether to pay again. */
  const sameJob = signal<clicks.StartedJob | null>(null);

  function fail(error: unknown, place?: ImagePlace): void {
    if (error instanceof ApiProblem) failure.value = { problem: error };
    else if (error instanceof BadImage) {
      failure.value = { key: error.fault, place: place ?? error.place };
    } else failure.value = { key: error instanceof clicks.Overslept ? "overslept" : "serviceDown" };
  }

  function clearFailure(): void {
    failure.value = null;
  }

  async function make(): Promise<void> {
    if (!isReady()) return;
    // Another tab may have started it just now.
    clicks.recallStartedJobs(api.user);
    sameJob.value = clicks.unseenJob(fit.value, Date.now());
    if (!sameJob.value) await makeNow();
  }

  async function makeAnother(): Promise<void> {
    sameJob.value = null;
    if (isReady()) await makeNow();
  }

  function isReady(): boolean {
    if (isBlocked.value) return false;
    if (!draft.value.prompt.trim()) {
      failure.value = { key: "promptMissing" };
      document.getElementById("prompt")?.focus();
      return false;
    }
    // Without an image, this would make a video from the prompt alone, which costs more.
    if (usesAddress.value && !draft.value.image && !draft.value.imageUrl.trim()) {
      failure.value = { key: "addressMissing" };
      document.getElementById("address")?.focus();
      return false;
    }
    return true;
  }

  async function makeNow(): Promise<void> {
    // What the user changes while the price is calculated is not in this video.
    const clicked = fit.value;
    if (!(await isPriceAsShown(clicked))) return;
    const now = Date.now();
    const click = clicks.newClick(api.user, clicked, now);
    // An earlier one, which the user gave up, or which another tab is sending.
    const isAgain = click.at !== now;
    const created = await submit(click);
    if (isAgain && created?.isReplayed) notify("hadArrived");
  }

  /** Whether the draft costs no more than the price on the button, which may be of an earlier draft. */
  async function isPriceAsShown(clicked: Draft): Promise<boolean> {
    const shown = prices.estimate.value;
    isPricing.value = true;
    try {
      const price = await prices.currentPrice();
      if (isClosed || !price || !shown) return false;
      const obstacle = obstacleOf(price, prices.usage.value);
      if (obstacle) {
        // The button says what stands in the way of the present draft only.
        const isChanged = fingerprintOf(clicked) !== fingerprintOf(fit.value);
        const why = textOf(reasonOf(price, obstacle));
        if (isChanged) failure.value = { key: "notMade", why };
        return false;
      }
      const rise = riseOf(price, shown);
      if (rise) failure.value = { key: rise };
      return !rise;
    } catch (error) {
      if (!isClosed) fail(error);
      return false;
    } finally {
      isPricing.value = false;
    }
  }

  /** null: there is no job, or its view was closed. */
  async function submit(click: clicks.Click): Promise<Created | null> {
    failure.value = null;
    go(pathOf("make"));
    // On a phone, the button is far below the stage.
    scrollTo(0, 0);
    try {
      const created = await clicks.sendClick(api, click);
      // If the view was closed, this user's next view gets the job.
      if (isClosed || !created) return null;
      const made = created.video;
      clicks.markSeen(made, Date.now());
      library.put(made);
      go(`${pathOf("make")}?video=${made.job_id}`);
      void prices.refreshUsage();
      return created;
    } catch (error) {
      if (isClosed) return null;
      clicks.markFailed(error);
      fail(error);
      // A cap may have been reached, or new videos may be paused.
      void prices.refreshPrice();
      return null;
    }
  }

  /** Puts a video's prompt, images and settings into the draft. */
  async function reuse(given: Video, overrides: Partial<Draft> = {}): Promise<void> {
    const own = clicks.startedDraft(given.job_id) ?? draftOf(given);
    const reused = { ...own, ...overrides };
    const isLost = reused.image !== null && !(await readBlob(reused.image.id));
    // Meanwhile another view may have been opened, or another user may have signed in.
    if (isClosed) return;
    clearStage();
    scrollTo(0, 0);
    picking.clearImage();
    usesAddress.value = reused.imageUrl !== "";
    change(reused);
    if (isLost && given.poster_url) void picking.placeImage(imageAt(given.poster_url), "image");
  }

  function tryAnotherProvider(given: Video): Promise<void> {
    return reuse(given, { model: untriedModel(given, models.value) });
  }

  /** Deletes the video after the time to undo; clears the stage at once. */
  function remove(id: string): void {
    library.remove(id);
    clicks.markEndSeen(id);
    if (videoId.peek() === id) clearStage();
  }

  function clearStage(): void {
    go(pathOf("make"));
    focusStage();
  }

  function giveUp(): void {
    clicks.abandon();
    focusStage();
  }

  const forgetNotice = debounced(NOTICE_MS, async () => void (notice.value = null));
  function notify(key: Notice): void {
    notice.value = key;
    forgetNotice();
  }

  // A failure stays visible until the user changes the draft or the stage shows another video.
  const fingerprint = computed(() => fingerprintOf(draft.value));
  const stops = [
    effect(() => {
      fingerprint.value;
      videoId.value;
      failure.value = null;
    }),
    onChange(`ordered.${api.user}`, () => clicks.recallStartedJobs(api.user)),
    effect(() => {
      const shown = video.value;
      if (shown && shown.status !== "processing") clicks.markEndSeen(shown.job_id);
    }),
    effect(() => {
      if (isOnline.value && clicks.abandoned.value.length) void untracked(library.lookForNew);
    }),
  ];

  function load(): void {
    void prices.loadPrices();
    if (library.cursor.value === undefined) void library.loadMore();
  }
  const online = () => {
    isOnline.value = navigator.onLine;
    if (!isOnline.value) return;
    load();
    translation.translateSoon();
  };
  addEventListener("online", online);
  addEventListener("offline", online);
  load();
  if (clicks.click.value) void submit(clicks.click.value);

  function close(): void {
    isClosed = true;
    for (const stop of stops) stop();
    forgetNotice.stop();
    for (const part of [library, prices, picking, translation, watched]) part.close();
    removeEventListener("online", online);
    removeEventListener("offline", online);
  }

  return {
    ...prices,
    ...picking,
    ...translation,
    ...watched,
    ...{ app, library, failure, isDragged, isOnline, isMaking, isPricing, isBlocked },
    ...{ sameJob, notice, notify },
    ...{ make, makeAnother, giveUp, reuse, tryAnotherProvider, remove, close },
  };
}

/** For what shows something on the stage, and may disappear itself: the focus moves there, too. */
export function focusStage(): void {
  document.getElementById("stage")?.focus({ preventScroll: true });
}
