// Routes the address bar's path to one of three views.

import { computed, signal } from "@preact/signals";

export type View = "make" | "usage" | "admin";
const PATHS: Record<View, string> = { make: "/", usage: "/usage", admin: "/admin" };
const VIEWS = Object.keys(PATHS) as View[];

const place = signal(location.pathname + location.search);
addEventListener("popstate", () => (place.value = location.pathname + location.search));

export const view = computed<View | null>(() => viewOf(place.value));
/** The ID of the video on the stage, from `?video=`. */
export const videoId = computed(() => videoIdOf(place.value));

export function pathOf(view: View): string {
  return PATHS[view];
}

/** null: there is no view at this path. */
export function viewOf(path: string): View | null {
  const name = path.replace(/\?.*/, "").replace(/(?<=.)\/$/, "");
  return VIEWS.find((one) => PATHS[one] === name) ?? null;
}

export function videoIdOf(path: string): string | null {
  return new URLSearchParams(path.replace(/^[^?]*/, "")).get("video");
}

/** `replace`: adds no entry to the browser's history. */
export function go(path: string, { replace = false } = {}): void {
  if (path === place.value) return;
  history[replace ? "replaceState" : "pushState"](null, "", path);
  place.value = path;
}

/** For `onClick` of links: opens the view in place, unless the click asks for a new tab or window. */
export function follow(event: MouseEvent): void {
  const link = event.currentTarget as HTMLAnchorElement;
  if (event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go(link.pathname + link.search);
  scrollTo(0, 0);
}
