// The draft as the API takes it.

import type { VideoRequest } from "../api";
import type { Draft } from "./draft";

/** Names of uploads; null where there is no image. */
export interface Uploaded {
  image: string | null;
  lastImage: string | null;
}

// An estimate looks at no image, only at whether there is one.
export const ANY_UPLOAD = "any";
// The API's limits for a pair of `metadata`.
const PIECE = 500;
const PROMPT = "prompt";

/** `fitted` to the offers. The English that was shown is what is sent. */
export function requestOf(draft: Draft, uploaded: Uploaded): VideoRequest {
  const english = shownEnglish(draft);
  const prompt = draft.prompt.normalize("NFC").trim();
  return {
    prompt: english ?? prompt,
    translate: english === null ? "auto" : "off",
    image: uploaded.image,
    ...(!uploaded.image && draft.imageUrl && { image_url: draft.imageUrl.trim() }),
    last_image: uploaded.lastImage,
    duration: draft.duration,
    resolution: draft.resolution,
    aspect_ratio: draft.shape,
    audio: draft.audio,
    model: draft.model,
    fallback: draft.fallback,
    ...(english !== null && { metadata: piecesOf(prompt) }),
  };
}

export function estimateOf(draft: Draft): VideoRequest {
  const uploaded = {
    image: draft.image && ANY_UPLOAD,
    lastImage: draft.lastImage && ANY_UPLOAD,
  };
  const { metadata: _, ...asked } = requestOf(draft, uploaded);
  return { ...asked, prompt: asked.prompt || "…" };
}

/** The translation, as long as it is of this prompt or the user's own. */
export function shownEnglish({ prompt, english }: Draft): string | null {
  if (!english?.text.trim()) return null;
  return english.of === prompt || english.edited ? english.text.trim() : null;
}

/** What the user wrote, where the API was sent a translation. */
export function promptOf(video: {
  prompt: string;
  metadata?: Readonly<Record<string, string>> | null;
}): string {
  const pieces = Object.entries(video.metadata ?? {})
    .filter(([name]) => name.startsWith(PROMPT))
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([, piece]) => piece);
  return pieces.join("") || video.prompt;
}

function piecesOf(prompt: string): Record<string, string> {
  const count = Math.ceil(prompt.length / PIECE);
  const pieces = Array.from({ length: count }, (_, index) => [
    `${PROMPT}${index}`,
    prompt.slice(index * PIECE, (index + 1) * PIECE),
  ]);
  return Object.fromEntries(pieces);
}

/** Letters that English doesn't have: such a prompt is translated for review. */
export function isForeign(prompt: string): boolean {
  return /[^\P{L}a-z]/iu.test(prompt);
}
