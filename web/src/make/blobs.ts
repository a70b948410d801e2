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

// Where the browser keeps nothing, as in private windows, they last until the reload.
const inMemory = new Map<string, Blob>();

export function newBlobId(user: string): string {
  return `${user}/${crypto.randomUUID()}`;
}

/** Keeps these images alone of the user's: older ones are no longer named by anything. */
export async function keepBlobs(
  user: string,
  blobs: ReadonlyMap<string, Blob>,
  used: string[],
) {
  const isOld = (id: string) => id.startsWith(`${user}/`) && !used.includes(id);
  for (const id of inMemory.keys()) if (isOld(id)) inMemory.delete(id);
  for (const [id, blob] of blobs) inMemory.set(id, blob);
  try {
    const database = await open();
    const store = database.transaction(STORE, "readwrite").objectStore(STORE);
    for (const [id, blob] of blobs) store.put(blob, id);
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
      asked.onsuccess = () => resolve((asked.result as Blob | undefined) ?? null);
      asked.onerror = () => reject(asked.error);
    });
  } catch {
    return null;
  }
}
