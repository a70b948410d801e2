import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiProblem, type Video } from "../src/api";
import type { App } from "../src/app-state";
import { follow, POLL_INTERVAL_MS, SILENCE_MS, type Sources, sourcesOf } from "../src/make/follow";
import { aVideo } from "./examples";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A listener that the test controls, and a GET that counts its calls. */
function someSources(response: () => Promise<Video | null> = async () => aVideo()) {
  const state = { polls: 0, isListening: true };
  let deliver: (video: Video | null) => void = () => {};
  const sources: Sources = {
    async listen(onUpdate) {
      deliver = onUpdate;
      return () => (state.isListening = false);
    },
    get() {
      state.polls++;
      return response();
    },
  };
  return { state, sources, emit: (video: Video | null) => deliver(video) };
}

test("while the listener delivers, the API is not polled", async () => {
  const { state, sources, emit } = someSources();
  const received: (Video | null)[] = [];
  follow(sources, (video) => received.push(video));

  for (let times = 0; times < 3; times++) {
    await vi.advanceTimersByTimeAsync(SILENCE_MS - 1);
    emit(aVideo());
  }

  expect(received).toHaveLength(3);
  expect(state.polls).toBe(0);
});

test("while the listener is silent, the API is polled", async () => {
  const { state, sources, emit } = someSources();
  follow(sources, () => {});

  await vi.advanceTimersByTimeAsync(SILENCE_MS + 2 * POLL_INTERVAL_MS);
  expect(state.polls).toBe(3);
  emit(aVideo());
  await vi.advanceTimersByTimeAsync(SILENCE_MS - 1);

  expect(state.polls).toBe(3);
});

test("a failed poll is repeated and is not taken for a deletion", async () => {
  const { state, sources } = someSources(() => Promise.reject(new Error("offline")));
  const received: (Video | null)[] = [];
  follow(sources, (video) => received.push(video));

  await vi.advanceTimersByTimeAsync(SILENCE_MS + POLL_INTERVAL_MS);

  expect(state.polls).toBe(2);
  expect(received).toEqual([]);
});

test.each([
  ["a finished job", aVideo({ status: "completed" })],
  ["a deleted job", null],
])("%s ends the following", async (_, last) => {
  const { state, sources, emit } = someSources();
  const received: (Video | null)[] = [];
  follow(sources, (video) => received.push(video));
  await vi.advanceTimersByTimeAsync(0);

  emit(last);
  await vi.advanceTimersByTimeAsync(2 * SILENCE_MS);

  expect(received).toEqual([last]);
  expect(state).toEqual({ polls: 0, isListening: false });
});

test("once the following is stopped, nothing that is still on its way is reported", async () => {
  const { sources, emit } = someSources(async () => aVideo());
  const received: (Video | null)[] = [];
  const stop = follow(sources, (video) => received.push(video));
  await vi.advanceTimersByTimeAsync(SILENCE_MS - 1);

  stop();
  emit(aVideo());
  await vi.advanceTimersByTimeAsync(2 * SILENCE_MS);

  expect(received).toEqual([]);
});

test("a listener that fails is replaced by polling at once", async () => {
  const failing = { get: async () => null, listen: async () => Promise.reject(new Error("no network")) };
  const failsLater = {
    get: async () => null,
    listen: async (_: unknown, onError: () => void) => {
      onError();
      return () => {};
    },
  };
  for (const sources of [failing, failsLater]) {
    const received: (Video | null)[] = [];
    follow(sources, (video) => received.push(video));
    await vi.advanceTimersByTimeAsync(1);
    expect(received).toEqual([null]);
  }
});

test("a browser that is back online polls at once", async () => {
  let online = () => {};
  vi.stubGlobal("addEventListener", (_: string, listener: () => void) => (online = listener));
  const { state, sources } = someSources();
  const stop = follow(sources, () => {});

  online();

  expect(state.polls).toBe(1);
  stop();
  vi.unstubAllGlobals();
});

const firestore = vi.hoisted(() => ({ next: (_: unknown) => {} }));
vi.mock("../src/firebase/firestore", () => ({
  doc: () => null,
  onSnapshot: (_: unknown, next: typeof firestore.next) => {
    firestore.next = next;
    return () => {};
  },
}));

function anApp(getVideo: () => Promise<Video>): App {
  const session = { user: { value: { id: "ann" } }, firestore: async () => null };
  return { session, api: { getVideo } } as unknown as App;
}

test("a video that is only missing in the browser's cache is not taken for a deleted one", async () => {
  const received: (Video | null)[] = [];
  const sources = sourcesOf(anApp(async () => aVideo()), "1");
  await sources.listen((video) => received.push(video), () => {});
  const missing = { exists: () => false };

  firestore.next({ ...missing, metadata: { fromCache: true } });
  expect(received).toEqual([]);
  firestore.next({ ...missing, metadata: { fromCache: false } });

  expect(received).toEqual([null]);
});

test("only a 404 says that a video doesn't exist", async () => {
  const respond = (status: number) =>
    sourcesOf(anApp(() => Promise.reject(new ApiProblem(status, "", "", [], null))), "1").get();

  expect(await respond(404)).toBeNull();
  for (const status of [401, 403, 429, 500]) await expect(respond(status)).rejects.toThrow(`${status}`);
});
