// Converts an earlier video back into a draft.

import type { Model, Video } from "../api";
import { type Draft, EMPTY, type ModelChoice, type PickedImage } from "./draft";
import { BadImage, type ReadImage, readImage } from "./image";
import { MODEL_CHOICE } from "./offers";
import { promptOf } from "./request";

/** Images that were uploaded for the video are in the draft, but this browser doesn't have them. */
export function draftOf(given: Video): Draft {
  const prompt = promptOf(given);
  const sent = given.prompt_sent ?? given.prompt;
  return {
    ...EMPTY,
    prompt,
    english: sent === prompt ? null : { of: prompt, text: sent, edited: false },
    image: given.image ? missingImage(given) : null,
    imageUrl: given.image_url ?? "",
    lastImage: given.last_image || given.last_image_url ? missingImage(given) : null,
    duration: given.duration,
    resolution: given.resolution,
    shape: given.aspect_ratio,
    audio: given.audio,
    model: given.model as ModelChoice,
    fallback: given.fallback,
  };
}

function missingImage({ delivered, input_crop }: Video): PickedImage {
  const { width, height } = delivered ?? input_crop ?? { width: 16, height: 9 };
  return { id: "missing", width, height };
}

/** The poster is the video's first frame, which is the image it was made from. Throws BadImage. */
export async function imageAt(poster: string): Promise<ReadImage> {
  const response = await fetch(poster).catch(() => null);
  if (!response?.ok) throw new BadImage("lost");
  return readImage(await response.blob());
}

/** The first available provider that this video's job has not tried. */
export function untriedModel(given: Video, models: readonly Model[]): ModelChoice {
  const tried = given.attempts.map(({ ai_model }) => ai_model);
  const next = models.find(
    ({ ai_model, available }) =>
      available && MODEL_CHOICE[ai_model] && !tried.includes(ai_model),
  );
  return (next && MODEL_CHOICE[next.ai_model]) ?? "auto";
}
