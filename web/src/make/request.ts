// Converts a draft into the API's request, and back into the prompt that the user wrote.

import type { Video, VideoRequest } from "../api";
import type { Draft } from "./draft";

/** The names of the uploads; null without an image. */
export interface Uploaded {
  image: string | null;
  lastImage: string | null;
}

// An estimate depends on whether there is an image, not on which.
export const ANY_UPLOAD = "any";
// The user's prompt is kept in `metadata`, in pieces of at most 500 characters, the limit of a value.
const PIECE = /.{1,500}/gsu;
const MAX_PIECES = 5;
const nameOf = (index: number, count: number) => `reelay_prompt_${index + 1}_of_${count}`;

/** The draft must be `fitted` to the offers. A translation that was shown is sent as it is. */
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
  const { metadata: _, ...request } = requestOf(draft, uploaded);
  return { ...request, prompt: request.prompt || "…" };
}

/** The translation to send: only one of this very prompt, or one that the user edited. */
export function shownEnglish({ prompt, english }: Draft): string | null {
  if (!english?.text.trim()) return null;
  return english.of === prompt || english.edited ? english.text.trim() : null;
}

/** The prompt as the user wrote it, even if the page sent its translation. */
export function promptOf({
  prompt,
  translate,
  metadata,
}: Pick<Video, "prompt" | "translate" | "metadata">): string {
  if (translate !== "off" || !metadata) return prompt;
  for (let count = 1; count <= MAX_PIECES; count++) {
    const pieces = Array.from({ length: count }, (_, i) => metadata[nameOf(i, count)]);
    if (pieces.every((piece) => piece !== undefined)) return pieces.join("");
  }
  return prompt;
}

function piecesOf(prompt: string): Record<string, string> {
  const pieces = prompt.match(PIECE) ?? [];
  if (pieces.length > MAX_PIECES) return {};
  return Object.fromEntries(pieces.map((piece, i) => [nameOf(i, pieces.length), piece]));
}

/** Whether the prompt has letters other than a to z; if so, it is translated for review. */
export function isForeign(prompt: string): boolean {
  return /[^\P{L}a-z]/iu.test(prompt);
}
