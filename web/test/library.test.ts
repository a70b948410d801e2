import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Api, ApiProblem, Unreachable, type Video } from "../src/api";
import { merged, openLibrary, UNDO_MS } from "../src/make/library";
import { aStorage, aVideo } from "./examples";

let listeners: ((event: { key: string }) => void)[] = [];
beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("localStorage", aStorage());
  listeners = [];
  vi.stubGlobal("addEventListener", (_: string, listener: (typeof listeners)[0]) =>
    listeners.push(listener),
  );
  vi.stubGlobal("removeEventListener", () => {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A user's API whose first deletions fail with these errors. */
function anApi(user: string, ...errors: Error[]) {
  const deleted: string[] = [];
  const deleteVideo = async (id: string) => {
    const error = errors.shift();
    if (error) throw error;
    deleted.push(id);
  };
  const getVideo = async (id: string) => {
    if (deleted.includes(id)) throw new ApiProblem(404, "not_found", "", [], null);
    return aVideo({ job_id: id });
  };
  return { deleted, api: { user, deleteVideo, getVideo } as unknown as Api };
}

const ids = (library: ReturnType<typeof openLibrary>) =>
  library.removals.value.map(({ id }) => id);
const wait = () => vi.advanceTimersByTimeAsync(UNDO_MS);

test("a deletion waits for its user if someone else signs in first", async () => {
  const ann = anApi("ann");
  const first = openLibrary(ann.api);
  first.remove("a-video");
  first.close();
  const bob = anApi("bob");
  const other = openLibrary(bob.api);
  await wait();
  expect([ann.deleted, bob.deleted, ids(other)]).toEqual([[], [], []]);
  other.close();

  const again = openLibrary(ann.api);
  await wait();

  expect(ann.deleted).toEqual(["a-video"]);
  expect(ids(again)).toEqual([]);
  expect(ids(openLibrary(ann.api))).toEqual([]);
});

test("a deletion without a response is retried", async () => {
  const { deleted, api } = anApi("ann", new Unreachable());
  const library = openLibrary(api);
  library.remove("a-video");

  await wait();
  expect(ids(library)).toEqual(["a-video"]);
  await wait();

  expect(deleted).toEqual(["a-video"]);
  expect(ids(library)).toEqual([]);
});

test("once the API was asked to delete a video, there is no undo, also after a reload", async () => {
  const deleteVideo = () => new Promise(() => {});
  const library = openLibrary({ user: "ann", deleteVideo } as unknown as Api);
  library.put(aVideo({ job_id: "a-video" }));
  library.remove("a-video");
  expect(library.undoable.value).toHaveLength(1);

  await wait();

  for (const one of [library, openLibrary({ user: "ann" } as Api)]) {
    expect(one.undoable.value).toEqual([]);
    expect(ids(one)).toEqual(["a-video"]);
  }
  expect(library.videos.value).toEqual([]);
});

test.each([
  ["deleted elsewhere", 404, false],
  ["not to be deleted", 409, true],
])("a video that is %s", async (_, status, hasFailed) => {
  const library = openLibrary(anApi("ann", new ApiProblem(status, "", "", [], null)).api);
  library.remove("a-video");

  await wait();

  expect(ids(library)).toEqual([]);
  expect(library.failedRemoval.value).toBe(hasFailed);
});

/** Sends each tab the event that the stored deletions have changed. */
const notifyTabs = () => listeners.forEach((listener) => listener({ key: "reelay.removals.ann" }));

test("a deletion that is undone or finished in one tab is so in all tabs", async () => {
  const { deleted, api } = anApi("ann");
  const first = openLibrary(api);
  first.remove("undone");
  first.remove("deleted");
  const second = openLibrary(api);
  second.put(aVideo({ job_id: "undone" }));
  second.put(aVideo({ job_id: "deleted" }));

  first.undo("undone");
  notifyTabs();
  await wait();
  notifyTabs();
  await wait();

  expect(new Set(deleted)).toEqual(new Set(["deleted"]));
  expect(second.videos.value.map(({ job_id }) => job_id)).toEqual(["undone"]);
});

test("once one tab has asked the API to delete a video, no other offers to undo it", async () => {
  const api = { user: "ann", deleteVideo: () => new Promise(() => {}) } as unknown as Api;
  openLibrary(api).remove("a-video");
  vi.advanceTimersByTime(UNDO_MS / 2);
  const other = openLibrary(api);
  expect(other.undoable.value).toHaveLength(1);

  vi.advanceTimersByTime(UNDO_MS / 2);
  notifyTabs();

  expect(other.undoable.value).toEqual([]);
  expect(ids(other)).toEqual(["a-video"]);
});

test("two tabs can delete at the same time", async () => {
  const { deleted, api } = anApi("ann");
  const [first, second] = [openLibrary(api), openLibrary(api)];
  first.remove("one");
  second.remove("another");
  notifyTabs();
  await wait();

  expect(deleted).toEqual(["one", "another"]);
  expect(ids(openLibrary(api))).toEqual([]);
});

test("a list that was requested before a deletion doesn't bring the video back", async () => {
  const { api } = anApi("ann");
  const page = { videos: [aVideo({ job_id: "deleted" })], next_cursor: null };
  let arrive = () => {};
  const listed = new Promise<void>((resolve) => (arrive = resolve)).then(() => page);
  const library = openLibrary({ ...api, listVideos: () => listed } as unknown as Api);
  library.put(aVideo({ job_id: "deleted" }));
  library.remove("deleted");
  const loading = library.loadMore();
  await wait();

  arrive();
  await loading;

  expect(library.videos.value).toEqual([]);
});

test("a video whose request arrives late is found, without the others of another list", async () => {
  const others = aVideo({ job_id: "other", status: "failed" });
  const newest = [others];
  const api = { user: "ann", listVideos: async () => ({ videos: [...newest], next_cursor: null }) };
  const library = openLibrary(api as unknown as Api);
  const shown = () => library.videos.value.map(({ job_id }) => job_id);
  library.show("processing");
  void library.lookForNew();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(shown()).toEqual([]);

  newest.unshift(aVideo({ job_id: "late" }));
  await vi.advanceTimersByTimeAsync(5_000);

  expect(shown()).toEqual(["late"]);
  library.close();
});

test("in another list, a video in progress appears once it is finished", async () => {
  const api = { user: "ann", listVideos: async () => ({ videos: [], next_cursor: null }) };
  const library = openLibrary(api as unknown as Api);
  library.put(aVideo());
  library.show("completed");
  expect(library.videos.value).toEqual([]);
  expect(library.loaded.value).toHaveLength(1);

  library.put(aVideo({ status: "completed" }));

  expect(library.videos.value).toHaveLength(1);
});

test("the newest state of a video counts, and of equal ones the fresh URLs", () => {
  const state = (updated_at: string, poster_url: string | null = null, created_at = "2026-01-02") =>
    aVideo({ job_id: created_at, created_at, updated_at, poster_url });
  const [early, late] = [state("2026-01-03"), state("2026-01-04")];

  expect(merged([early], [late])).toEqual([late]);
  expect(merged([late], [early])).toEqual([late]);
  expect(merged([late], [state("2026-01-04", "fresh")])[0]?.poster_url).toBe("fresh");
  const [expiring, renewed] = ["2026-01-06", "2026-01-07"].map((video_url_expires_at) => ({
    ...late,
    video_url_expires_at,
  })) as [Video, Video];
  expect(merged([renewed], [expiring])).toEqual([renewed]);
  const newest = state("2026-01-05", null, "2026-01-05");
  expect(merged([late], [newest])).toEqual([newest, late]);
});

test("a page of a list that is no longer shown is left out", async () => {
  const arrivals: (() => void)[] = [];
  const listVideos = async ({ status }: { status?: Video["status"] }) => {
    await new Promise<void>((resolve) => arrivals.push(resolve));
    return { videos: [aVideo({ job_id: status ?? "any", status: status ?? "failed" })], next_cursor: "more" };
  };
  const library = openLibrary({ user: "ann", listVideos } as unknown as Api);
  library.show("failed");
  library.show("completed");

  arrivals.shift()?.();
  await vi.advanceTimersByTimeAsync(0);
  expect(library.loaded.value).toEqual([]);
  arrivals.shift()?.();
  await vi.advanceTimersByTimeAsync(0);

  expect(library.loaded.value.map(({ job_id }) => job_id)).toEqual(["completed"]);
});

test("a later page of a list that is shown again is not taken for its first one", async () => {
  const arrivals: (() => void)[] = [];
  const listVideos = async ({ cursor }: { cursor: string | null }) => {
    await new Promise<void>((resolve) => arrivals.push(resolve));
    return { videos: [aVideo({ job_id: cursor ?? "first" })], next_cursor: cursor ? null : "second" };
  };
  const library = openLibrary({ user: "ann", listVideos } as unknown as Api);
  const arrive = async () => {
    arrivals.shift()?.();
    await vi.advanceTimersByTimeAsync(0);
  };
  library.show("completed");
  await arrive();
  void library.loadMore();

  library.show("failed");
  library.show("completed");
  await arrive();
  await arrive();

  expect(library.loaded.value.map(({ job_id }) => job_id)).toEqual(["first"]);
});

test("each page is requested once, after the one before it", async () => {
  const asked: (string | null)[] = [];
  const listVideos = async ({ cursor }: { cursor: string | null }) => {
    asked.push(cursor);
    const next = { null: "second", second: "third", third: null }[String(cursor)];
    return { videos: [aVideo({ job_id: `after ${cursor}` })], next_cursor: next ?? null };
  };
  const library = openLibrary({ user: "ann", listVideos } as unknown as Api);

  // A double click on "Load more" is one request.
  for (let page = 0; page < 5; page++) await Promise.all([library.loadMore(), library.loadMore()]);

  expect(asked).toEqual([null, "second", "third"]);
  expect(library.videos.value).toHaveLength(3);
});
