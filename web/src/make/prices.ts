// What the draft would cost, which settings are on offer, and why no video would be made.

import { computed, effect, signal } from "@preact/signals";
import { type Api, ApiProblem, type Estimate, isTransient, type Model, type Usage } from "../api";
import { language, type Message } from "../i18n";
import { debounced } from "./debounced";
import { draft } from "./draft";
import { obstacleOf } from "./limits";
import { fitted, offersOf } from "./offers";
import { estimateOf } from "./request";

const ESTIMATE_AFTER_MS = 250;
/** The first pause before a failed call is retried; it doubles with each failure. */
const RETRY_MS = 5000;
/** How long a price counts as current. */
const FRESH_MS = 60_000;

export function openPrices(api: Api) {
  const models = signal<Model[]>([]);
  const usage = signal<Usage | null>(null);
  const estimate = signal<Estimate | null>(null);
  const isPriceOld = signal(true);
  /** Why there is no price: the API answered the estimate with 422. */
  const priceProblem = signal<ApiProblem | null>(null);
  /** Why the models or the price can't be had, which is tried again; null once they can. */
  const outage = signal<Message | null>(null);
  const offers = computed(() => offersOf(models.value, draft.value));
  const fit = computed(() => fitted(draft.value, offers.value));
  const estimateRequest = computed(() => JSON.stringify(estimateOf(fit.value)));
  /** The price on the button; null: none, or the API refuses the draft. */
  const shownPrice = computed(() => (priceProblem.value ? null : estimate.value));
  /** Why no video would be made; null also while there is no price. */
  const obstacle = computed(() => shownPrice.value && obstacleOf(shownPrice.value, usage.value));
  let isClosed = false;
  let pricedAt = 0;
  let failedCalls = 0;

  const isSeen = () => document.visibilityState === "visible";
  const retryDelay = () => Math.min(FRESH_MS, RETRY_MS * 2 ** failedCalls++);

  function show(current: Estimate): void {
    estimate.value = current;
    priceProblem.value = null;
    isPriceOld.value = false;
    pricedAt = Date.now();
    failedCalls = 0;
    outage.value = null;
  }

  const price = debounced(ESTIMATE_AFTER_MS, async (signal) => {
    try {
      show(await api.estimate(estimateOf(fit.value), signal));
    } catch (error) {
      if (signal.aborted) return;
      priceProblem.value = isWrong(error) ? error : null;
      outage.value = isWrong(error) ? null : outageOf(error);
      if (isWrong(error)) return;
      // The last price was for another request.
      if (isPriceOld.value) estimate.value = null;
      pricedAt = 0;
      retryPrice();
    }
  });
  // A tab in the background waits until it is visible.
  const retryPrice = debounced(retryDelay, async () => void (isSeen() && price()));

  /**
   * The price of the draft as it is now, even if it changes meanwhile. Throws ApiProblem if the
   * draft has a mistake; null in an `outage`.
   */
  async function currentPrice(): Promise<Estimate | null> {
    const isFresh = !isPriceOld.value && Date.now() - pricedAt < FRESH_MS;
    if (estimate.value && isFresh) return estimate.value;
    const asked = estimateRequest.value;
    try {
      const current = await api.estimate(estimateOf(fit.value));
      // Unless the draft was changed meanwhile, the button shows it, too.
      if (asked === estimateRequest.value) show(current);
      return current;
    } catch (error) {
      if (isWrong(error)) throw error;
      if (isClosed) return null;
      outage.value = outageOf(error);
      retryPrice();
      return null;
    }
  }

  async function refreshUsage(): Promise<void> {
    usage.value = await api.getUsage().catch(() => usage.value);
  }

  async function refreshPrice(): Promise<void> {
    await refreshUsage();
    if (!isClosed) price();
  }

  async function loadPrices(): Promise<void> {
    void refreshUsage();
    if (models.value.length) return price();
    try {
      models.value = await api.listModels();
      outage.value = null;
    } catch (error) {
      if (isClosed) return;
      outage.value = outageOf(error);
      retryLoad();
    }
  }
  const retryLoad = debounced(retryDelay, loadPrices);

  // The obstacle may have passed, or another provider may now be the first.
  const look = () => {
    if (isSeen() && Date.now() - pricedAt >= FRESH_MS) void refreshPrice();
  };
  document.addEventListener("visibilitychange", look);
  const stops = [
    effect(() => {
      if (!obstacle.value) return;
      const timer = setInterval(() => isSeen() && refreshPrice(), FRESH_MS);
      return () => clearInterval(timer);
    }),
    effect(() => {
      estimateRequest.value;
      // Ask again in another language: `priceProblem` has messages in the page's language.
      language.value;
      if (!models.value.length) return;
      isPriceOld.value = true;
      price();
    }),
  ];

  function close(): void {
    isClosed = true;
    for (const stop of stops) stop();
    price.stop();
    retryPrice.stop();
    retryLoad.stop();
    document.removeEventListener("visibilitychange", look);
  }

  return {
    ...{ models, usage, estimate, isPriceOld, priceProblem, outage, offers, fit },
    ...{ shownPrice, obstacle, currentPrice, loadPrices, refreshPrice, refreshUsage, close },
  };
}

/** The request has a mistake, so the same one would fail again. */
function isWrong(error: unknown): error is ApiProblem {
  return error instanceof ApiProblem && error.status === 422;
}

function outageOf(error: unknown): Message {
  if (isTransient(error) || !(error instanceof ApiProblem) || !error.detail) return ["triedAgain"];
  return ["inItsWords", error.detail];
}
