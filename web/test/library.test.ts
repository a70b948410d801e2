import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Api, ApiProblem, Unreachable } from "../src/api";
import { openLibrary, UNDO_MS } from "../src/make/library";
import { aStorage } from "./examples";

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("localStorage", aStorage());
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A user's API whose first deletions end so. */
function anApi(user: string, ...errors: Error[]) {
  const deleted: string[] = [];
  const deleteVideo = async (id: string) => {
    const error = errors.shift();
    if (error) throw error;
    deleted.push(id);
  };
  return { deleted, api: { user, deleteVideo } as unknown as Api };
}

const ids = (library: ReturnType<typeof openLibrary>) =>
  library.removals.value.map(({ id }) => id);
const wait = () => vi.advanceTimersByTimeAsync(UNDO_MS);

test("a deletion waits for its user, whoever signs in before its time", async () => {
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

test("a deletion that nobody answered is asked for again", async () => {
  const { deleted, api } = anApi("ann", new Unreachable());
  const library = openLibrary(api);
  library.remove("a-video");

  await wait();
  expect(ids(library)).toEqual(["a-video"]);
  await wait();

  expect(deleted).toEqual(["a-video"]);
  expect(ids(library)).toEqual([]);
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
