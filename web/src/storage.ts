// What survives a reload: JSON in localStorage, or a tab's sessionStorage. A browser that keeps nothing still works.

const PREFIX = "reelay.";

export function remember(name: string, value: unknown, where = local()): void {
  try {
    if (value === null) where?.removeItem(PREFIX + name);
    else where?.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Private windows may refuse; the page goes on without.
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

/** Another tab of this browser has remembered something whose name begins so. */
export function onChange(begin: string, heard: (rest: string) => void): void {
  globalThis.addEventListener?.("storage", ({ key }) => {
    const whole = PREFIX + begin;
    if (key?.startsWith(whole)) heard(key.slice(whole.length));
  });
}

function local(): Storage | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined;
  }
}
