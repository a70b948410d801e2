import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Api, ApiProblem, Unreachable, type Video } from "../src/api";
import {
  belongTo,
  carryOut,
  click,
  forget,
  newClick,
  ordered,
  settle,
} from "../src/make/click";
import { aDraft, aStorage, aVideo } from "./examples";

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("localStorage", aStorage());
  vi.stubGlobal("sessionStorage", aStorage());
  vi.stubGlobal("addEventListener", () => {});
  vi.stubGlobal("removeEventListener", () => {});
  forget();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const draft = aDraft({ image: null });
const SOON = 60_000;

/** An API that answers its first calls with these errors, and then with a job. */
function anApi(...errors: Error[]) {
  const sent: { key: string; body: unknown }[] = [];
  const createVideo = async (body: unknown, key: string): Promise<Video> => {
    sent.push({ key, body });
    const error = errors.shift();
    if (error) throw error;
    return aVideo();
  };
  return { sent, api: { createVideo } as unknown as Api };
}

/** An API that is never reached. */
const silent = () => anApi(...Array.from({ length: 99 }, () => new Unreachable()));

/** What a reload leaves: the storage alone. */
async function reloaded(): Promise<typeof import("../src/make/click")> {
  vi.resetModules();
  return import("../src/make/click");
}

test("a lost answer is asked for with the same key and body", async () => {
  const { sent, api } = anApi(new Unreachable(), new ApiProblem(503, "unavailable", "", [], 1));

  const made = carryOut(api, newClick("ann", draft, 0));
  await vi.advanceTimersByTimeAsync(SOON);

  expect((await made)?.job_id).toBe(aVideo().job_id);
  expect(sent).toHaveLength(3);
  expect(new Set(sent.map((each) => JSON.stringify(each))).size).toBe(1);
});

test("a reload in between sends the same again, and one much later sends nothing", async () => {
  const given = newClick("ann", draft, 0);
  void carryOut(silent().api, given);
  await vi.advanceTimersByTimeAsync(1000);

  const page = await reloaded();
  page.belongTo("ann", SOON);
  expect(page.click.value).toMatchObject({ key: given.key, body: { prompt: draft.prompt } });

  for (const now of [3_600_000, SOON]) {
    const later = await reloaded();
    later.belongTo("ann", now);
    expect(later.click.value).toBeNull();
  }
});

test("a click is neither shown to another user nor sent any more, and waits for its own", async () => {
  const { sent, api } = silent();
  const given = newClick("ann", draft, 0);
  const made = carryOut(api, given);
  await vi.advanceTimersByTimeAsync(1000);

  belongTo("bob", SOON);
  expect(click.value).toBeNull();
  const before = sent.length;
  await vi.advanceTimersByTimeAsync(SOON);
  expect(sent).toHaveLength(before);
  expect(await made).toBeNull();

  belongTo("ann", SOON);
  expect(click.value).toMatchObject({ key: given.key, body: { prompt: draft.prompt } });
});

test("another user's click is left as it is by what one does oneself", async () => {
  const given = newClick("ann", draft, 0);
  void carryOut(silent().api, given);
  belongTo("bob", 0);
  await carryOut(anApi().api, newClick("bob", draft, 0));
  settle(aVideo());

  belongTo("ann", SOON);

  expect(click.value?.key).toBe(given.key);
  expect(ordered.value).toBeNull();
});

test("a view that is opened again gets the answer of the click that is under way", async () => {
  const { sent, api } = anApi(new Unreachable());
  const given = newClick("ann", draft, 0);
  const first = carryOut(api, given);
  belongTo("ann", 1);

  const second = carryOut(api, given);
  await vi.advanceTimersByTimeAsync(SOON);

  expect(await second).toBe(await first);
  expect(sent).toHaveLength(2);
  // Until its user saw the answer, nothing else can be clicked.
  expect(click.value?.key).toBe(given.key);
  settle(aVideo());
  expect(click.value).toBeNull();
  expect(ordered.value).toEqual({ id: aVideo().job_id, draft });
});

test("what was given up is not answered any more", async () => {
  const { api } = anApi(new Unreachable());
  const made = carryOut(api, newClick("ann", draft, 0));

  forget();
  await vi.advanceTimersByTimeAsync(SOON);

  expect(await made).toBeNull();
  belongTo("ann", 0);
  expect(click.value).toBeNull();
});

test("a refusal is sent only once", async () => {
  const { sent, api } = anApi(new ApiProblem(429, "daily_limit_reached", "", [], 60));

  const made = carryOut(api, newClick("ann", draft, 0));

  await expect(made).rejects.toThrow("daily_limit_reached");
  expect(sent).toHaveLength(1);
});
