import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Api, ApiProblem, Unreachable, type Video } from "../src/api";
import { carryOut, click, interrupted, newClick } from "../src/make/click";
import { aDraft, aVideo } from "./examples";

beforeEach(() => {
  vi.useFakeTimers();
  const kept = new Map<string, string>();
  vi.stubGlobal("sessionStorage", {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
    removeItem: (name: string) => void kept.delete(name),
  });
  vi.stubGlobal("addEventListener", () => {});
  vi.stubGlobal("removeEventListener", () => {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const draft = aDraft({ image: null });

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

test("a lost answer is asked for with the same key and body", async () => {
  const { sent, api } = anApi(new Unreachable(), new ApiProblem(503, "unavailable", "", [], 1));

  const made = carryOut(api, newClick(draft, 0));
  await vi.advanceTimersByTimeAsync(60_000);

  expect((await made)?.job_id).toBe(aVideo().job_id);
  expect(sent).toHaveLength(3);
  expect(new Set(sent.map((each) => JSON.stringify(each))).size).toBe(1);
  expect(click.value).toBeNull();
});

test("a reload in between sends the same again, and one much later sends nothing", async () => {
  const { api } = anApi(...Array.from({ length: 99 }, () => new Unreachable()));
  const given = newClick(draft, 0);
  void carryOut(api, given);
  await vi.advanceTimersByTimeAsync(1000);

  const found = interrupted(60_000);

  expect(found).toMatchObject({ key: given.key, body: { prompt: draft.prompt } });
  expect(interrupted(3_600_000)).toBeNull();
  expect(interrupted(60_000)).toBeNull();
});

test("a refusal ends the click, and is sent only once", async () => {
  const { sent, api } = anApi(new ApiProblem(429, "daily_limit_reached", "", [], 60));

  await expect(carryOut(api, newClick(draft, 0))).rejects.toThrow("daily_limit_reached");

  expect(sent).toHaveLength(1);
  expect(click.value).toBeNull();
  expect(interrupted(0)).toBeNull();
});
