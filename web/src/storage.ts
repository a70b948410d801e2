// Keeps values as JSON in localStorage, or in a tab's sessionStorage. Never fails: if storage
// is blocked, nothing is kept.

const PREFIX = "reelay.";

export function remember(name: string, value: unknown, where = local()): void {
  try {
    if (value === null) where?.removeItem(PREFIX + name);
    else where?.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Private windows may block storage; the page works without it.
  }
}

export function recall<T>(name: string, where = local()): T | null {
  try {
    const text = where?.getItem(PREFIX + name);
    return text ? (JSON.parse(text) as T) : null;
  } catch {
    return null;
  }
}

/** Calls `callback` when another tab changes a name that starts with `prefix`. Returns a function to stop. */
export function onChange(prefix: string, callback: (rest: string) => void): () => void {
  const listener = ({ key }: StorageEvent) => {
    const whole = PREFIX + prefix;
    if (key?.startsWith(whole)) callback(key.slice(whole.length));
  };
  globalThis.addEventListener?.("storage", listener);
  return () => globalThis.removeEventListener?.("storage", listener);
}

function local(): Storage | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined;
  }
}
