// Images that were chosen, in IndexedDB, so that they survive a reload.

const STORE = "images";

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open("reelay", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE);
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

// As bytes: Safari's private windows keep no blob.
interface Kept {
  type: string;
  bytes: ArrayBuffer;
}

// Where the browser keeps nothing, as in private windows, they last until the reload.
const inMemory = new Map<string, Blob>();

export function newBlobId(user: string): string {
  return `${user}/${crypto.randomUUID()}`;
}

// One after the other, as they were asked for: a large image takes longer to be read.
let writing: Promise<void> = Promise.resolve();

/** Keeps these images alone of the user's: older ones are no longer named by anything. */
export function keepBlobs(
  user: string,
  blobs: ReadonlyMap<string, Blob>,
  used: string[],
): Promise<void> {
  const isOld = (id: string) => id.startsWith(`${user}/`) && !used.includes(id);
  for (const id of inMemory.keys()) if (isOld(id)) inMemory.delete(id);
  for (const [id, blob] of blobs) inMemory.set(id, blob);
  writing = writing.then(() => write(blobs, isOld));
  return writing;
}

async function write(
  blobs: ReadonlyMap<string, Blob>,
  isOld: (id: string) => boolean,
): Promise<void> {
  try {
    const named = [...blobs].map(async ([id, blob]) => [id, await bytesOf(blob)] as const);
    const fresh = await Promise.all(named);
    const database = await open();
    const store = database.transaction(STORE, "readwrite").objectStore(STORE);
    for (const [id, bytes] of fresh) store.put(bytes, id);
    const kept = store.getAllKeys();
    kept.onsuccess = () => {
      for (const id of kept.result) if (isOld(String(id))) store.delete(id);
    };
  } catch {
    // In memory they are.
  }
}

/** null: the browser has thrown it away. */
export async function readBlob(id: string): Promise<Blob | null> {
  const known = inMemory.get(id);
  if (known) return known;
  try {
    const database = await open();
    const asked = database.transaction(STORE).objectStore(STORE).get(id);
    return await new Promise((resolve, reject) => {
      asked.onsuccess = () => resolve(blobOf(asked.result));
      asked.onerror = () => reject(asked.error);
    });
  } catch {
    return null;
  }
}

async function bytesOf(blob: Blob): Promise<Kept> {
  return { type: blob.type, bytes: await blob.arrayBuffer() };
}

/** The first release kept them as they were. */
function blobOf(kept: Kept | Blob | undefined): Blob | null {
  if (!kept || kept instanceof Blob) return kept ?? null;
  return new Blob([kept.bytes], { type: kept.type });
}
