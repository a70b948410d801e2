// The state of the first view, and what its buttons do.

import { computed, effect, signal } from "@preact/signals";
import { ApiProblem, type Estimate, type Model, type Usage, type Video } from "../api";
import { type App, topic } from "../app-state";
import { language, type Sentence } from "../i18n";
import { go, pathOf, videoId } from "../router";
import { keepBlobs, newBlobId, readBlob } from "./blobs";
import * as clicks from "./click";
import * as drafts from "./draft";
import { change, type Draft, draft, EMPTY, type PickedImage, wishOf } from "./draft";
import { follow, sourcesOf } from "./follow";
import { BadImage, readImage } from "./image";
import "./kept"; // hears what another tab erases
import { openLibrary } from "./library";
import { fitted, MODEL_CHOICE, offersOf } from "./offers";
import { estimateOf, isForeign, promptOf } from "./request";
import type { Failure } from "./trouble";

export type Studio = ReturnType<typeof openStudio>;

const ESTIMATE_AFTER_MS = 250;
const TRANSLATE_AFTER_MS = 900;
const NOTICE_MS = 6000;
const TOPICS: Record<Video["status"], Sentence> = {
  processing: ["inProgress"],
  completed: ["completedOnes"],
  failed: ["failedOnes"],
};

export function openStudio(app: App) {
  const { api, session } = app;
  drafts.belongTo(api.user);
  clicks.belongTo(api.user, Date.now());
  const { ordered } = clicks;
  const library = openLibrary(api);
  const models = signal<Model[]>([]);
  const usage = signal<Usage | null>(null);
  const estimate = signal<Estimate | null>(null);
  const isPriceOld = signal(true);
  /** Why there is no price: the request is wrong, or dearer than any cap. */
  const priceProblem = signal<ApiProblem | null>(null);
  const isTranslating = signal(false);
  const isReading = signal(false);
  /** A file is held over the page. */
  const isDragged = signal(false);
  const failure = signal<Failure | null>(null);
  /** The image is to come from an address, even if none is written yet. */
  const isAddress = signal(false);
  const isOnline = signal(navigator.onLine);
  /** The video on the stage; undefined: not read yet; null: there is none. */
  const video = signal<Video | null | undefined>(undefined);
  const cancelling = signal<string | null>(null);
  /** Said for a while, where it covers nothing. */
  const notice = signal<"copied" | null>(null);
  let isClosed = false;

  const offers = computed(() => offersOf(models.value, draft.value));
  const fit = computed(() => fitted(draft.value, offers.value));
  const isMaking = computed(
    () =>
      clicks.click.value !== null ||
      (video.value?.status === "processing" &&
        ordered.value?.id === video.value.job_id &&
        // As long as nothing was changed since, another click is no other wish.
        wishOf(ordered.value.draft) === wishOf(fit.value)),
  );

  // The stage

  const stops = [
    effect(() => {
      if (draft.value.imageUrl) isAddress.value = true;
    }),
    effect(() => {
      const id = videoId.value;
      const known = library.loaded.peek().find(({ job_id }) => job_id === id);
      video.value = known;
      // A document says why in its job's language.
      language.value;
      return id ? follow(sourcesOf(app, id), hearInPagesLanguage) : undefined;
    }),
    effect(() => {
      topic.value = video.value ? TOPICS[video.value.status] : null;
      return () => (topic.value = null);
    }),
  ];

  function hearInPagesLanguage(heard: Video | null): void {
    hear(heard);
    if (heard?.status === "failed") void refresh(heard.job_id);
  }

  function hear(heard: Video | null): void {
    const isEnd = heard && heard.status !== "processing";
    const wasOpen = video.peek()?.status === "processing";
    video.value = heard;
    if (!heard) return;
    library.put(heard);
    if (isEnd) cancelling.value = null;
    if (isEnd && wasOpen) void refreshUsage();
  }

  /** With URLs that are valid again, and messages in the page's language. */
  async function refresh(id: string): Promise<void> {
    const found = await api.getVideo(id).catch(() => null);
    if (found && videoId.peek() === id) hear(found);
    else if (found) library.put(found);
  }

  async function cancel(id: string): Promise<void> {
    cancelling.value = id;
    try {
      hear(await api.cancelVideo(id));
    } catch (error) {
      cancelling.value = null;
      fail(error);
    }
  }

  // Making

  async function make(): Promise<void> {
    if (isMaking.value) return;
    if (!draft.value.prompt.trim()) {
      failure.value = { said: "promptMissing" };
      const field = document.getElementById("prompt");
      field?.focus({ preventScroll: true });
      // Unlike focusing, this leaves room for what is said under it.
      field?.scrollIntoView({ block: "nearest" });
      return;
    }
    // Without it, this would be a video of the prompt alone, and dearer.
    if (isAddress.value && !draft.value.image && !draft.value.imageUrl.trim()) {
      failure.value = { said: "addressMissing" };
      document.getElementById("address")?.focus();
      return;
    }
    await carryOut(clicks.newClick(api.user, fit.value, Date.now()));
  }

  async function carryOut(click: clicks.Click): Promise<void> {
    failure.value = null;
    go(pathOf("make"));
    // On a phone the button is far from the stage.
    scrollTo(0, 0);
    try {
      const made = await clicks.carryOut(api, click);
      // The next view of this user sees the answer.
      if (isClosed || !made) return;
      clicks.settle(made);
      library.put(made);
      go(`${pathOf("make")}?video=${made.job_id}`);
      video.value = made;
      void refreshUsage();
    } catch (error) {
      if (isClosed) return;
      clicks.forget();
      fail(error);
    }
  }

  function fail(error: unknown, place: "image" | "lastImage" = "image"): void {
    if (error instanceof ApiProblem) failure.value = { problem: error };
    else if (error instanceof BadImage) failure.value = { said: error.fault, place };
    else failure.value = { said: "serviceDown" };
  }

  async function pick(file: Blob, place: "image" | "lastImage" = "image") {
    isReading.value = true;
    failure.value = null;
    try {
      const { blob, width, height } = await readImage(file);
      // Another user's draft is there by now.
      if (session.user.peek()?.id !== api.user) return;
      const picked: PickedImage = { id: newBlobId(api.user), width, height };
      if (place === "image") isAddress.value = false;
      change({ [place]: picked, ...(place === "image" && { imageUrl: "", offset: 0.5 }) });
      const kept = [draft.value, ordered.value?.draft, clicks.click.value?.draft];
      const used = kept.flatMap((one) => [one?.image?.id, one?.lastImage?.id]);
      const blobs = new Map([[picked.id, blob]]);
      await keepBlobs(api.user, blobs, used.filter((id) => id !== undefined));
      if (place === "image" && !isClosed) go(pathOf("make"));
    } catch (error) {
      fail(error, place);
    } finally {
      isReading.value = false;
    }
  }

  /** Puts a video's prompt, image and settings into the draft. */
  async function reuse(given: Video, instead: Partial<Draft> = {}): Promise<void> {
    failure.value = null;
    go(pathOf("make"));
    scrollTo(0, 0);
    isAddress.value = false;
    const own = ordered.value?.id === given.job_id ? ordered.value.draft : null;
    change({ ...(own ?? draftOf(given)), ...instead });
    const isLost = own?.image && !(await readBlob(own.image.id));
    if ((own && !isLost) || !given.image || !given.poster_url) return;
    // The video's first frame is the image that it was made of.
    const image = await fetch(given.poster_url).catch(() => null);
    if (image?.ok) await pick(await image.blob());
  }

  function elsewhere(given: Video): Promise<void> {
    const tried = given.attempts.map(({ ai_model }) => ai_model);
    const next = models.value.find(
      ({ ai_model, available }) =>
        available && MODEL_CHOICE[ai_model] && !tried.includes(ai_model),
    );
    const model = (next && MODEL_CHOICE[next.ai_model]) ?? "auto";
    return reuse(given, { model });
  }

  /** Deletes it once there is no way back, and clears the stage. */
  function drop(id: string): void {
    library.remove(id);
    if (videoId.peek() === id) go(pathOf("make"));
  }

  function takeAddress(imageUrl: string): void {
    isAddress.value = true;
    change({ image: null, imageUrl });
    go(pathOf("make"));
  }

  function forgetImage(): void {
    failure.value = null;
    isAddress.value = false;
    change({ image: null, imageUrl: "" });
  }

  const forgetNotice = settled(NOTICE_MS, async () => void (notice.value = null));
  function notify(said: "copied"): void {
    notice.value = said;
    forgetNotice();
  }

  // Prices, translation

  async function refreshUsage(): Promise<void> {
    usage.value = await api.getUsage().catch(() => usage.value);
  }

  const price = settled(ESTIMATE_AFTER_MS, async (signal) => {
    try {
      estimate.value = await api.estimate(estimateOf(fit.value), signal);
      priceProblem.value = null;
      isPriceOld.value = false;
    } catch (error) {
      const isWrong = error instanceof ApiProblem && error.status === 422;
      priceProblem.value = isWrong ? error : null;
    }
  });
  // What was refused stays said until its user decides otherwise.
  const wish = computed(() => wishOf(draft.value));
  stops.push(
    effect(() => {
      wish.value;
      failure.value = null;
    }),
  );
  const asked = computed(() => JSON.stringify(estimateOf(fit.value)));
  stops.push(
    effect(() => {
      asked.value;
      // Why there is no price is said in the page's language.
      language.value;
      if (!models.value.length) return;
      isPriceOld.value = true;
      price();
    }),
  );

  async function translateNow(signal?: AbortSignal): Promise<void> {
    const { prompt } = draft.value;
    isTranslating.value = true;
    try {
      const made = await api.translatePrompt(prompt, signal);
      if (made.translated && draft.value.prompt === prompt) {
        change({ english: { of: prompt, text: made.prompt, edited: false } });
      }
    } finally {
      isTranslating.value = false;
    }
  }
  const translate = settled(TRANSLATE_AFTER_MS, translateNow);
  const prompt = computed(() => draft.value.prompt);
  stops.push(
    effect(() => {
      const written = prompt.value;
      const { english } = draft.peek();
      const isKnown = english !== null && (english.edited || english.of === written);
      if (isForeign(written) && !isKnown) translate();
      else translate.stop();
    }),
  );

  // The start

  const online = () => {
    isOnline.value = navigator.onLine;
    if (isOnline.value) void start();
  };
  addEventListener("online", online);
  addEventListener("offline", online);

  async function start(): Promise<void> {
    void refreshUsage();
    if (library.cursor.value === undefined) void library.loadMore();
    if (models.value.length) return price();
    models.value = await api.listModels().catch((error: unknown) => {
      fail(error);
      return [];
    });
  }
  void start();
  if (clicks.click.value) void carryOut(clicks.click.value);

  function close(): void {
    isClosed = true;
    price.stop();
    translate.stop();
    forgetNotice.stop();
    library.close();
    for (const stop of stops) stop();
    removeEventListener("online", online);
    removeEventListener("offline", online);
  }

  return {
    ...{ app, library, models, usage, estimate, isPriceOld, priceProblem },
    ...{ isTranslating, isReading, isDragged, isAddress, notice, notify },
    ...{ failure, isOnline, video, cancelling, ordered, offers, fit, isMaking },
    ...{ refresh, cancel, make, pick, reuse, elsewhere, drop, takeAddress, forgetImage },
    ...{ translateNow, close },
  };
}

function draftOf(given: Video): Draft {
  const prompt = promptOf(given);
  const sent = given.prompt_sent ?? given.prompt;
  return {
    ...EMPTY,
    prompt,
    english: sent === prompt ? null : { of: prompt, text: sent, edited: false },
    imageUrl: given.image_url ?? "",
    duration: given.duration,
    resolution: given.resolution,
    shape: given.aspect_ratio,
    audio: given.audio,
    model: given.model as Draft["model"],
    fallback: given.fallback,
  };
}

/** Runs `act` once nothing has called it for a while; a later call ends an earlier act. */
function settled(milliseconds: number, act: (signal: AbortSignal) => Promise<void>) {
  let timer: ReturnType<typeof setTimeout>;
  let control = new AbortController();
  const stop = () => {
    clearTimeout(timer);
    control.abort();
  };
  const call = () => {
    stop();
    control = new AbortController();
    const { signal } = control;
    // Without an answer the page shows what it knew.
    timer = setTimeout(() => act(signal).catch(() => {}), milliseconds);
  };
  return Object.assign(call, { stop });
}

