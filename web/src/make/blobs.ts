// Stores the chosen images in IndexedDB, so that they survive a reload.

const STORE = "images";
const TIMEOUT_MS = 10_000;

/** A promise that also rejects in time: a browser whose IndexedDB is broken may never answer. */
function inTime<T>(ask: ConstructorParameters<typeof Promise<T>>[0]): Promise<T> {
  return new Promise((resolve, reject) => {
    setTimeout(reject, TIMEOUT_MS);
    ask(resolve, reject);
  });
}

function open(): Promise<IDBDatabase> {
  return inTime((resolve, reject) => {
    const request = indexedDB.open("reelay", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

// Stored as bytes, because Safari's private windows can't store blobs.
interface StoredBlob {
  type: string;
  bytes: ArrayBuffer;
}

// If IndexedDB is unavailable, as in some private windows, images last until the reload.
const inMemory = new Map<string, Blob>();

// Only this tab's images are known, and other tabs may use others: after a day, they are deleted.
const OTHER_TABS_MS = 24 * 60 * 60_000;

/** Ends in the time in milliseconds since 1970, and a random part. */
export function newBlobId(user: string): string {
  return `${user}/${Date.now()}/${crypto.randomUUID()}`;
}

// Writes run in the order of the calls: reading a large image must not let a later write overtake.
let lastWrite: Promise<void> = Promise.resolve();

/** Stores an image, and deletes the user's images that are a day old unless their ID is in `used`. */
export function keepBlob(user: string, id: string, blob: Blob, used: string[]): Promise<void> {
  const isUnused = (one: string) => isOf(user, one) && !used.includes(one);
  for (const one of inMemory.keys()) if (isUnused(one)) inMemory.delete(one);
  inMemory.set(id, blob);
  const isOld = (one: string) => isUnused(one) && Date.now() - timeOf(one) > OTHER_TABS_MS;
  return inOrder(async () => {
    const stored: StoredBlob = { type: blob.type, bytes: await blob.arrayBuffer() };
    await write(isOld, (store) => store.put(stored, id));
  });
}

/** Deletes all of the user's images. */
export function deleteBlobs(user: string): Promise<void> {
  const isTheirs = (id: string) => isOf(user, id);
  for (const id of inMemory.keys()) if (isTheirs(id)) inMemory.delete(id);
  return inOrder(() => write(isTheirs));
}

function isOf(user: string, id: string): boolean {
  return id.startsWith(`${user}/`);
}

/** 0 for images of releases whose IDs had no time. */
function timeOf(id: string): number {
  return Number(id.match(/\/(\d+)\/[^/]*$/)?.[1] ?? 0);
}

function inOrder(act: () => Promise<void>): Promise<void> {
  // If storage fails, the images are still in memory.
  lastWrite = lastWrite.then(act).catch(() => {});
  return lastWrite;
}

async function write(
  isDeleted: (id: string) => boolean,
  put?: (store: IDBObjectStore) => void,
): Promise<void> {
  const database = await open();
  const transaction = database.transaction(STORE, "readwrite");
  const store = transaction.objectStore(STORE);
  put?.(store);
  const kept = store.getAllKeys();
  kept.onsuccess = () => {
    for (const id of kept.result) if (isDeleted(String(id))) store.delete(id);
  };
  await inTime((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = reject;
  });
}

/** null: the browser no longer has it. */
export async function readBlob(id: string): Promise<Blob | null> {
  const known = inMemory.get(id);
  if (known) return known;
  try {
    const database = await open();
    const request = database.transaction(STORE).objectStore(STORE).get(id);
    return await inTime((resolve, reject) => {
      request.onsuccess = () => resolve(blobOf(request.result));
      request.onerror = () => reject(request.error);
    });
  } catch {
    return null;
  }
}

/** The first release stored blobs directly. */
function blobOf(kept: StoredBlob | Blob | undefined): Blob | null {
  if (!kept || kept instanceof Blob) return kept ?? null;
  return new Blob([kept.bytes], { type: kept.type });
}
