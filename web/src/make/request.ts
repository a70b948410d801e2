// The draft as the API takes it.

import type { Video, VideoRequest } from "../api";
import type { Draft } from "./draft";

/** Names of uploads; null where there is no image. */
export interface Uploaded {
  image: string | null;
  lastImage: string | null;
}

// An estimate looks at no image, only at whether there is one.
export const ANY_UPLOAD = "any";
// What the user wrote is kept in pieces of as many characters as `metadata` takes.
const PIECE = /.{1,500}/gsu;
const MOST_PIECES = 5;
const nameOf = (index: number, count: number) => `reelay_prompt_${index + 1}_of_${count}`;

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

/** What the user wrote, where the page sent a translation of it. */
export function promptOf({
  prompt,
  translate,
  metadata,
}: Pick<Video, "prompt" | "translate" | "metadata">): string {
  if (translate !== "off" || !metadata) return prompt;
  for (let count = 1; count <= MOST_PIECES; count++) {
    const pieces = Array.from({ length: count }, (_, i) => metadata[nameOf(i, count)]);
    if (pieces.every((piece) => piece !== undefined)) return pieces.join("");
  }
  return prompt;
}

function piecesOf(prompt: string): Record<string, string> {
  const pieces = prompt.match(PIECE) ?? [];
  if (pieces.length > MOST_PIECES) return {};
  return Object.fromEntries(pieces.map((piece, i) => [nameOf(i, pieces.length), piece]));
}

/** Letters that English doesn't have: such a prompt is translated for review. */
export function isForeign(prompt: string): boolean {
  return /[^\P{L}a-z]/iu.test(prompt);
}
