import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { deleteBlobs, keepBlob, newBlobId, readBlob } from "../src/make/blobs";

const stored = new Map<string, unknown>();

/** A request that succeeds asynchronously, as IndexedDB's do. */
function requestFor(result: () => unknown) {
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
    getAllKeys: () => requestFor(() => [...stored.keys()]),
  };
  const database = {
    transaction() {
      const transaction = { objectStore: () => store, oncomplete() {} };
      setTimeout(() => transaction.oncomplete());
      return transaction;
    },
  };
  vi.stubGlobal("indexedDB", { open: () => requestFor(() => database) });
});
afterEach(() => {
  stored.clear();
  vi.unstubAllGlobals();
});

/** An image whose bytes can't be read until `letGo` is called. */
function largeImage() {
  let letGo = () => {};
  const bytes = new Promise<ArrayBuffer>((resolve) => {
    letGo = () => resolve(new ArrayBuffer(1));
  });
  const blob = new Blob();
  blob.arrayBuffer = () => bytes;
  return { blob, letGo };
}

test("a large image that is stored late leaves images chosen after it", async () => {
  const { blob, letGo } = largeImage();
  const first = keepBlob("ann", "ann/1", blob, ["ann/1"]);
  const last = new Blob(["last frame"]);
  const second = keepBlob("ann", "ann/2", last, ["ann/1", "ann/2"]);
  setTimeout(letGo);
  await Promise.all([first, second]);

  expect([...stored.keys()]).toEqual(["ann/1", "ann/2"]);
});

test("an image that is read after the data was erased is not stored", async () => {
  const { blob, letGo } = largeImage();
  const kept = keepBlob("ann", "ann/1", blob, ["ann/1"]);
  const erased = deleteBlobs("ann");
  setTimeout(letGo);
  await Promise.all([kept, erased]);

  expect([...stored.keys()]).toEqual([]);
});

test("an unused image is kept for a day, because another tab may use it", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const [used, unused] = [newBlobId("ann"), newBlobId("ann")];
  const keep = (id: string) => keepBlob("ann", id, new Blob(["image"]), [id, used]);
  await keep(used);
  await keep(unused);
  stored.set("bob/1", "another user's");
  stored.set("ann/1", "of the release before");
  await keep(used);
  expect([...stored.keys()]).toEqual([used, unused, "bob/1"]);

  vi.advanceTimersByTime(24 * 60 * 60_000 + 1);
  const fresh = newBlobId("ann");
  await keep(fresh);

  expect([...stored.keys()]).toEqual([used, "bob/1", fresh]);
  vi.useRealTimers();
});

test("an image is stored when it is said to be, though a browser may take its time", async () => {
  const put = vi.fn();
  const transaction = { objectStore: () => ({ put, getAllKeys: () => ({}) }), oncomplete() {} };
  vi.stubGlobal("indexedDB", { open: () => requestFor(() => ({ transaction: () => transaction })) });
  const then = vi.fn();
  const kept = keepBlob("ann", "ann/1", new Blob(["image"]), []).then(then);
  await vi.waitFor(() => expect(put).toHaveBeenCalled());
  expect(then).not.toHaveBeenCalled();

  transaction.oncomplete();

  await kept;
});

test("a browser that never opens its storage keeps the image in memory, and delays no other", async () => {
  vi.useFakeTimers();
  vi.stubGlobal("indexedDB", { open: () => ({}) });
  const { blob: image, letGo } = largeImage();
  letGo(); // else reading it would take real time
  const kept = keepBlob("ann", "ann/1", image, []);
  const erased = deleteBlobs("bob");
  const lost = readBlob("ann/another");

  await vi.advanceTimersByTimeAsync(20_000);

  await Promise.all([kept, erased]);
  expect([await readBlob("ann/1"), await lost]).toEqual([image, null]);
  vi.useRealTimers();
});

test("a browser that opens its storage but never answers delays no image for ever", async () => {
  vi.useFakeTimers();
  const store = { put() {}, get: () => ({}), getAllKeys: () => ({}) };
  const database = { transaction: () => ({ objectStore: () => store }) };
  vi.stubGlobal("indexedDB", { open: () => requestFor(() => database) });
  const { blob: image, letGo } = largeImage();
  letGo(); // else reading it would take real time
  const kept = keepBlob("ann", "ann/1", image, []);
  const lost = readBlob("ann/another");

  await vi.advanceTimersByTimeAsync(20_000);

  await kept;
  expect([await readBlob("ann/1"), await lost]).toEqual([image, null]);
  vi.useRealTimers();
});
