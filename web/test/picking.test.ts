import { signal } from "@preact/signals";
import { beforeEach, expect, test, vi } from "vitest";
import type { App } from "../src/app-state";
import { openPicking } from "../src/make/picking";

const { went, keepBlob } = vi.hoisted(() => ({ went: [] as string[], keepBlob: vi.fn() }));
vi.mock("../src/router", () => ({
  go: (path: string) => went.push(path),
  pathOf: () => "/",
}));
vi.mock("../src/make/image", () => ({
  readImage: async (blob: Blob) => ({ blob, width: 400, height: 300 }),
}));
vi.mock("../src/make/blobs", () => ({ keepBlob, newBlobId: () => "ann/1" }));

beforeEach(() => void went.splice(0));

function aPicking() {
  const session = { user: signal({ id: "ann" }) };
  const app = { api: { user: "ann" }, session } as unknown as App;
  return openPicking(app, () => {}, () => {});
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
