import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { signal } from "@preact/signals";
import type { Video } from "../src/api";
import type { App } from "../src/app-state";
import { language } from "../src/i18n";
import { openLibrary } from "../src/make/library";
import { openWatchedVideo } from "../src/make/watched-video";
import { videoId } from "../src/router";
import { aStorage, aVideo } from "./examples";

const listener = vi.hoisted(() => ({ say: (_: unknown) => {} }));
vi.mock("../src/make/follow", () => ({
  sourcesOf: () => null,
  follow: (_: unknown, onUpdate: typeof listener.say) => {
    listener.say = onUpdate;
    return () => {};
  },
}));
vi.mock("../src/router", async () => {
  const { signal } = await import("@preact/signals");
  return { videoId: signal(null) };
});

const stage = videoId as ReturnType<typeof signal<string | null>>;
const [later, latest] = ["2026-11-30T00:00:00.000Z", "2026-12-01T00:00:00.000Z"];
const working = aVideo({ job_id: "1" });
const completed = aVideo({ job_id: "1", status: "completed", updated_at: later });
let close = () => {};

beforeEach(() => vi.stubGlobal("localStorage", aStorage()));
afterEach(() => {
  close();
  stage.value = null;
  language.value = "ko";
  vi.unstubAllGlobals();
});

function watch(part: object = {}) {
  const api = { user: "ann", listVideos: async () => ({ videos: [], next_cursor: null }), ...part };
  const library = openLibrary(api as never);
  const ends = vi.fn();
  const watched = openWatchedVideo({ api } as unknown as App, library, ends, () => {});
  close = watched.close;
  stage.value = "1";
  return { ...watched, library, ends };
}

test("an answer to a cancellation that is older than the end doesn't undo it", async () => {
  let answer = (_: Video) => {};
  const cancelVideo = () => new Promise<Video>((resolve) => (answer = resolve));
  const { video, ends, cancel } = watch({ cancelVideo });
  listener.say(working);
  const cancelled = cancel("1");
  listener.say(completed);

  answer(working);
  await cancelled;

  expect(video.value).toBe(completed);
  expect(ends).toHaveBeenCalledOnce();
});

test("a video that the list has is shown before the listener says anything", () => {
  const { video, library, ends } = watch();
  expect(video.value).toBeUndefined();

  library.put(completed);

  expect(video.value).toBe(completed);
  expect(ends).not.toHaveBeenCalled();
});

test("a video stays on the stage while the library shows a list without it", () => {
  const { video, library } = watch();
  listener.say(completed);

  library.show("failed");

  expect(library.videos.value).toEqual([]);
  expect(video.value).toBe(completed);
});

test("a video that is deleted elsewhere leaves the stage and the list, also in another language", () => {
  const { video, library } = watch();
  listener.say(working);
  listener.say(null);
  language.value = "en";

  library.put(aVideo({ job_id: "1", updated_at: latest }));

  expect(video.value).toBeNull();
  expect(library.videos.value).toEqual([]);
});

test("messages that arrive after another language was chosen are not shown", async () => {
  const answers: (() => void)[] = [];
  const getVideo = async () => {
    const prompt_sent = language.value;
    await new Promise<void>((resolve) => answers.push(resolve));
    return { ...completed, prompt_sent };
  };
  const { video, refresh } = watch({ getVideo });
  const korean = refresh("1");
  language.value = "en";
  const english = refresh("1");

  answers[1]?.();
  await english;
  answers[0]?.();
  await korean;

  expect(video.value?.prompt_sent).toBe("en");
});
