import { signal } from "@preact/signals";
import { beforeEach, expect, test, vi } from "vitest";
import type { App } from "../src/app-state";
import { draft, EMPTY } from "../src/make/draft";
import { openPicking } from "../src/make/picking";

const { went, keepBlob, shown } = vi.hoisted(() => ({
  went: [] as string[],
  keepBlob: vi.fn(),
  shown: { id: null as string | null },
}));
vi.mock("../src/router", () => ({
  go: (path: string) => went.push(path),
  pathOf: () => "/",
  videoId: { peek: () => shown.id },
}));
vi.mock("../src/make/image", () => ({
  readImage: async (blob: Blob) => ({ blob, width: 400, height: 300 }),
}));
vi.mock("../src/make/blobs", () => ({ keepBlob, newBlobId: () => "ann/1" }));

beforeEach(() => {
  went.splice(0);
  shown.id = null;
  draft.value = EMPTY;
});

function aPicking(onError = () => {}, onStart = () => {}) {
  const user = signal({ id: "ann" });
  const app = { api: { user: "ann" }, session: { user } } as unknown as App;
  return { ...openPicking(app, onStart, onError), user };
}

test("a chosen image leaves the video that is opened while it is being stored", async () => {
  let store = () => {};
  keepBlob.mockReturnValue(new Promise<void>((resolve) => (store = resolve)));
  const picking = aPicking();
  const picked = picking.pick(new Blob());
  await vi.waitFor(() => expect(keepBlob).toHaveBeenCalled());
  expect(went).toEqual(["/"]);

  went.push("/?video=opened");
  store();
  await picked;

  expect(went.at(-1)).toBe("/?video=opened");
});

test("a video that is opened while an image is being read stays on the stage", async () => {
  keepBlob.mockResolvedValue(undefined);
  const picked = aPicking().pick(new Blob());
  shown.id = "opened";

  await picked;

  expect(went).toEqual([]);
  expect(draft.value.image?.width).toBe(400);
});

test("an image that is read after another user has signed in is not put into their draft", async () => {
  const { pick, user } = aPicking();

  const picked = pick(new Blob());
  user.value = { id: "bob" };
  await picked;

  expect(draft.value.image).toBeNull();
});

test("of two images, the one chosen last counts, and only its error is reported", async () => {
  keepBlob.mockResolvedValue(undefined);
  const onError = vi.fn();
  const { placeImage, isReading } = aPicking(onError);
  let fail = (_: Error) => {};
  const first = placeImage(new Promise((_, reject) => (fail = reject)), "image");
  await placeImage(Promise.resolve({ blob: new Blob(), width: 40, height: 30 }), "image");

  fail(new Error("not an image"));
  await first;

  expect(draft.value.image?.width).toBe(40);
  expect(onError).not.toHaveBeenCalled();
  expect(isReading.value).toBe(false);
  await placeImage(Promise.reject(new Error("not an image")), "lastImage");
  expect(onError).toHaveBeenCalledOnce();
});

test("an address in place of a file that can't be used takes back what was said of the file", () => {
  const onStart = vi.fn();

  aPicking(undefined, onStart).setAddress("");

  expect(onStart).toHaveBeenCalledOnce();
});
