import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Video } from "../src/api";
import { follow, PAUSE_MS, SILENCE_MS, type Sources } from "../src/make/follow";
import { aVideo } from "./examples";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A listener that the test speaks for, and a GET that counts. */
function someSources(answer: () => Promise<Video | null> = async () => aVideo()) {
  const state = { asked: 0, isListening: true };
  let tell: (video: Video | null) => void = () => {};
  const sources: Sources = {
    async listen(hear) {
      tell = hear;
      return () => (state.isListening = false);
    },
    get() {
      state.asked++;
      return answer();
    },
  };
  return { state, sources, speak: (video: Video | null) => tell(video) };
}

test("a listener that speaks is all there is", async () => {
  const { state, sources, speak } = someSources();
  const heard: (Video | null)[] = [];
  follow(sources, (video) => heard.push(video));

  for (let times = 0; times < 3; times++) {
    await vi.advanceTimersByTimeAsync(SILENCE_MS - 1);
    speak(aVideo());
  }

  expect(heard).toHaveLength(3);
  expect(state.asked).toBe(0);
});

test("a silent listener is replaced by asking, until it speaks again", async () => {
  const { state, sources, speak } = someSources();
  follow(sources, () => {});

  await vi.advanceTimersByTimeAsync(SILENCE_MS + 2 * PAUSE_MS);
  expect(state.asked).toBe(3);
  speak(aVideo());
  await vi.advanceTimersByTimeAsync(SILENCE_MS - 1);

  expect(state.asked).toBe(3);
});

test("no answer is asked for again, and is no deletion", async () => {
  const { state, sources } = someSources(() => Promise.reject(new Error("offline")));
  const heard: (Video | null)[] = [];
  follow(sources, (video) => heard.push(video));

  await vi.advanceTimersByTimeAsync(SILENCE_MS + PAUSE_MS);

  expect(state.asked).toBe(2);
  expect(heard).toEqual([]);
});

test.each([
  ["a finished job", aVideo({ status: "completed" })],
  ["a deleted one", null],
])("%s ends it", async (_, last) => {
  const { state, sources, speak } = someSources();
  const heard: (Video | null)[] = [];
  follow(sources, (video) => heard.push(video));
  await vi.advanceTimersByTimeAsync(0);

  speak(last);
  await vi.advanceTimersByTimeAsync(2 * SILENCE_MS);

  expect(heard).toEqual([last]);
  expect(state).toEqual({ asked: 0, isListening: false });
});
