import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { keepBlobs } from "../src/make/blobs";

const stored = new Map<string, unknown>();

/** Answers in a moment, as IndexedDB does. */
function asked(result: () => unknown) {
  const request: { result?: unknown; onsuccess?: () => void } = {};
  queueMicrotask(() => {
    request.result = result();
    request.onsuccess?.();
  });
  return request;
}

beforeEach(() => {
  const store = {
    put: (value: unknown, key: string) => stored.set(key, value),
    delete: (key: string) => stored.delete(key),
    getAllKeys: () => asked(() => [...stored.keys()]),
  };
  const database = { transaction: () => ({ objectStore: () => store }) };
  vi.stubGlobal("indexedDB", { open: () => asked(() => database) });
});
afterEach(() => {
  stored.clear();
  vi.unstubAllGlobals();
});

/** An image whose bytes come when they are let go. */
function largeImage() {
  let letGo = () => {};
  const bytes = new Promise<ArrayBuffer>((resolve) => {
    letGo = () => resolve(new ArrayBuffer(1));
  });
  const blob = new Blob();
  blob.arrayBuffer = () => bytes;
  return { blob, letGo };
}

test("a large image that is kept late leaves what was chosen after it", async () => {
  const { blob, letGo } = largeImage();
  const first = keepBlobs("ann", new Map([["ann/1", blob]]), ["ann/1"]);
  const last = new Map([["ann/2", new Blob(["last frame"])]]);
  const second = keepBlobs("ann", last, ["ann/1", "ann/2"]);
  setTimeout(letGo);
  await Promise.all([first, second]);

  await vi.waitFor(() => expect([...stored.keys()]).toEqual(["ann/1", "ann/2"]));
});

test("an image whose bytes come after the erasing is not kept", async () => {
  const { blob, letGo } = largeImage();
  const kept = keepBlobs("ann", new Map([["ann/1", blob]]), ["ann/1"]);
  const erased = keepBlobs("ann", new Map(), []);
  setTimeout(letGo);
  await Promise.all([kept, erased]);

  await vi.waitFor(() => expect([...stored.keys()]).toEqual([]));
});
