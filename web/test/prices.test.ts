import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Api, ApiProblem, type Estimate, Unreachable } from "../src/api";
import { change } from "../src/make/draft";
import { openPrices } from "../src/make/prices";
import { MODELS } from "./examples";

let stop = () => {};

beforeEach(() => {
  vi.useFakeTimers();
  const page = { visibilityState: "visible", addEventListener() {}, removeEventListener() {} };
  vi.stubGlobal("document", page);
});
afterEach(() => {
  stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const ESTIMATE = { estimated_cost_usd: "0.40", max_cost_usd: "0.40", links: [], refused: null };
const estimate = ESTIMATE as unknown as Estimate;
const down = new Unreachable();

/** Prices of an API that fails while `outage` has an error. */
async function open(outage: { error: Error | null }, part: Partial<Api> = {}) {
  const answer = async <T>(value: T): Promise<T> => {
    if (outage.error) throw outage.error;
    return value;
  };
  const api = {
    listModels: () => answer(MODELS),
    getUsage: () => answer(null),
    estimate: () => answer(estimate),
    ...part,
  };
  const prices = openPrices(api as unknown as Api);
  stop = prices.close;
  await prices.loadPrices();
  await vi.advanceTimersByTimeAsync(1000);
  return prices;
}

test.each([
  down,
  new ApiProblem(503, "unavailable", "", [], null),
  new ApiProblem(429, "too_many_requests", "", [], 1),
])("a price that can't be had (%s) is said, tried again, and no longer said once it is there", async (error) => {
  const outage = { error: null as Error | null };
  const prices = await open(outage);
  expect(prices.outage.value).toBeNull();
  outage.error = error;
  change({ prompt: `A raccoon and ${error}` });
  await vi.advanceTimersByTimeAsync(1000);
  expect(prices.outage.value).toEqual(["triedAgain"]);
  expect(prices.estimate.value).toBeNull();
  outage.error = null;

  await vi.advanceTimersByTimeAsync(10_000);

  expect(prices.outage.value).toBeNull();
  expect(prices.estimate.value).toBe(estimate);
});

test("a click that can't have its price leads to another try, even if nothing changes", async () => {
  const outage = { error: null as Error | null };
  const prices = await open(outage);
  change({ prompt: "A raccoon that is clicked" });
  outage.error = down;
  expect(await prices.currentPrice()).toBeNull();
  expect(prices.outage.value).toEqual(["triedAgain"]);
  outage.error = null;

  await vi.advanceTimersByTimeAsync(10_000);

  expect(prices.outage.value).toBeNull();
});

test("a click on a price that was shown for long has the present one, and so has the button", async () => {
  const makeable = { ...estimate, links: [{ skipped: null }] } as unknown as Estimate;
  let calls = 0;
  const ask = async () => ({ ...makeable, call: ++calls });
  const prices = await open({ error: null }, { estimate: ask });
  const shown = prices.estimate.value;
  expect(await prices.currentPrice()).toBe(shown);

  await vi.advanceTimersByTimeAsync(60_000);

  expect(prices.estimate.value).toBe(shown);
  const present = await prices.currentPrice();
  expect(present).not.toBe(shown);
  await vi.advanceTimersByTimeAsync(1000);
  expect(prices.estimate.value).toBe(present);
  expect(calls).toBe(2);
});

test("a price that is no longer awaited is not an outage", async () => {
  const untilAborted = (_: unknown, signal?: AbortSignal) =>
    new Promise<Estimate>((_, reject) => signal?.addEventListener("abort", () => reject(down)));
  const prices = await open({ error: null }, { estimate: untilAborted });

  change({ prompt: "A raccoon that is still being written" });
  await vi.advanceTimersByTimeAsync(100);

  expect(prices.outage.value).toBeNull();
});

test("models that can't be loaded are said and tried again", async () => {
  const outage = { error: new ApiProblem(403, "forbidden", "No access.", [], null) as Error | null };
  const prices = await open(outage);
  expect(prices.outage.value).toEqual(["inItsWords", "No access."]);
  outage.error = null;

  await vi.advanceTimersByTimeAsync(10_000);

  expect(prices.outage.value).toBeNull();
  expect(prices.models.value).toEqual(MODELS);
});

test("a request with a mistake is a problem of its own, which another try doesn't mend", async () => {
  const outage = { error: null as Error | null };
  const prices = await open(outage);
  outage.error = new ApiProblem(422, "invalid_request", "", [], null);
  change({ prompt: "A raccoon with a mistake" });
  await vi.advanceTimersByTimeAsync(1000);

  expect(prices.outage.value).toBeNull();
  expect(prices.priceProblem.value).toBe(outage.error);
  expect(prices.obstacle.value).toBeNull();
  await expect(prices.currentPrice()).rejects.toBe(outage.error);
});
