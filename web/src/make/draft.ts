// The user's draft, saved on every change so that a reload or signing out doesn't lose it.

import { effect, signal } from "@preact/signals";
import type { components } from "../api-types";
import { recall, remember } from "../storage";

type Schemas = components["schemas"];
export type Shape = Schemas["AspectRatioChoice"];
export type ModelChoice = Schemas["ModelChoice"];
export type Resolution = Schemas["Resolution"];

/** An image whose bytes are in `blobs.ts`, upright and at most 3,840 pixels on each side. */
export interface PickedImage {
  id: string;
  width: number;
  height: number;
}

export interface English {
  /** The prompt that was translated. */
  of: string;
  text: string;
  edited: boolean;
}

export interface Draft {
  prompt: string;
  english: English | null;
  image: PickedImage | null;
  imageUrl: string;
  lastImage: PickedImage | null;
  shape: Shape;
  /** Where the crop lies along the side that is cropped: 0 to 1. */
  offset: number;
  duration: number;
  resolution: Resolution;
  audio: boolean | null;
  model: ModelChoice;
  fallback: boolean;
}

export const EMPTY: Draft = {
  prompt: "",
  english: null,
  image: null,
  imageUrl: "",
  lastImage: null,
  shape: "auto",
  offset: 0.5,
  duration: 8,
  resolution: "720p",
  audio: null,
  model: "auto",
  fallback: true,
};

/** This tab's draft, and when it was written, in milliseconds since 1970. */
export interface Written {
  at: number;
  draft: Draft;
}

let owner: string | null = null;
export const draft = signal<Draft>(EMPTY);
effect(() => {
  const written = draft.value;
  if (owner === null) return;
  remember(`draft.${owner}`, written);
  // Tabs overwrite each other's draft in localStorage; a reload restores this tab's own.
  remember(`written.${owner}`, { at: Date.now(), draft: written }, sessionStorage);
});

export function change(part: Partial<Draft>): void {
  draft.value = { ...draft.value, ...part };
}

/** Switches to this user's draft: each user of this browser has their own. */
export function switchUser(user: string): void {
  if (owner === user) return;
  owner = user;
  const here = recall<Written>(`written.${user}`, sessionStorage);
  // Another tab may have erased the user's data since.
  const erased = recall<number>(`erased.${user}`) ?? Number.NEGATIVE_INFINITY;
  const kept = here && here.at > erased ? here.draft : recall<Partial<Draft>>(`draft.${user}`);
  draft.value = { ...EMPTY, ...kept };
}

/** Deletes the user's draft. Nothing is saved until the user signs in again. */
export function forgetUser(user: string): void {
  if (owner === user) {
    owner = null;
    draft.value = EMPTY;
  }
  remember(`draft.${user}`, null);
  remember(`written.${user}`, null, sessionStorage);
}

/** Equal for drafts with the same choices: a translation counts only if the user edited it. */
export function fingerprintOf(draft: Draft): string {
  const { english } = draft;
  return JSON.stringify({ ...draft, english: english?.edited ? english : null });
}
