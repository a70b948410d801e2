// What the user has put together so far: kept on every keystroke, lost by nothing.

import { effect, signal } from "@preact/signals";
import type { components } from "../api-types";
import { recall, remember } from "../storage";

type Schemas = components["schemas"];
export type Shape = Schemas["AspectRatioChoice"];
export type ModelChoice = Schemas["ModelChoice"];
export type Resolution = Schemas["Resolution"];

/** An image whose bytes are in `blobs.ts`, upright and at most 3,840 pixels a side. */
export interface PickedImage {
  id: string;
  width: number;
  height: number;
}

export interface English {
  /** The prompt that it is the translation of. */
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
  /** Where the crop lies along the image's longer side: 0 to 1. */
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

let owner: string | null = null;
export const draft = signal<Draft>(EMPTY);
effect(() => {
  const written = draft.value;
  if (owner !== null) remember(`draft.${owner}`, written);
});

export function change(part: Partial<Draft>): void {
  draft.value = { ...draft.value, ...part };
}

/** Each user of this browser has an own one; signing in again loses nothing. */
export function belongTo(user: string): void {
  if (owner === user) return;
  owner = user;
  draft.value = { ...EMPTY, ...recall<Partial<Draft>>(`draft.${user}`) };
}

/** Until the user signs in again, nothing is kept. */
export function forgetUser(user: string): void {
  if (owner === user) {
    owner = null;
    draft.value = EMPTY;
  }
  remember(`draft.${user}`, null);
}

/** What its user decided; a translation that came by itself is no part of that. */
export function wishOf(draft: Draft): string {
  const { english } = draft;
  return JSON.stringify({ ...draft, english: english?.edited ? english : null });
}
