// Three views in one page: the address bar says which.

import { computed, signal } from "@preact/signals";

export type View = "make" | "usage" | "admin";
const PATHS: Record<View, string> = { make: "/", usage: "/usage", admin: "/admin" };
const VIEWS = Object.keys(PATHS) as View[];

const place = signal(location.pathname + location.search);
addEventListener("popstate", () => (place.value = location.pathname + location.search));

export const view = computed<View | null>(() => viewOf(place.value));
/** The video on the stage, by `?video=`. */
export const videoId = computed(() => videoIdOf(place.value));

export function pathOf(view: View): string {
  return PATHS[view];
}

/** null: there is no such page. */
export function viewOf(path: string): View | null {
  const name = path.replace(/\?.*/, "").replace(/(?<=.)\/$/, "");
  return VIEWS.find((one) => PATHS[one] === name) ?? null;
}

export function videoIdOf(path: string): string | null {
  return new URLSearchParams(path.replace(/^[^?]*/, "")).get("video");
}

/** `replace`: without a step for the browser's back button. */
export function go(path: string, { replace = false } = {}): void {
  if (path === place.value) return;
  history[replace ? "replaceState" : "pushState"](null, "", path);
  place.value = path;
}

/** For `onClick` of links: opens the view here, but new tabs and windows as asked. */
export function follow(event: MouseEvent): void {
  const link = event.currentTarget as HTMLAnchorElement;
  if (event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go(link.pathname + link.search);
  scrollTo(0, 0);
}
