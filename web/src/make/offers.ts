// What can be chosen: only what a provider that may be asked can do.

import type { AiModel, Model } from "../api";
import type { Draft, ModelChoice, Resolution, Shape } from "./draft";

export interface Offers {
  durations: number[];
  resolutions: Resolution[];
  shapes: Shape[];
  /** Whether both kinds can be had, so that there is a choice. */
  withSound: boolean;
  withoutSound: boolean;
  lastImage: boolean;
  longestPrompt: number;
}

const DURATIONS = [3, 4, 5, 6, 7, 8, 9, 10];
const SHAPES: Shape[] = ["16:9", "9:16", "1:1", "4:3", "3:4", "21:9"];
const RESOLUTIONS: Resolution[] = ["720p", "1080p"];
// Omni decides by itself, and so always makes sound.
const ALWAYS_SOUND: AiModel[] = ["gemini-omni-flash"];

/** Those that the choice names; of `auto`, all. */
export function chosen(models: readonly Model[], choice: ModelChoice): Model[] {
  return models.filter(
    ({ ai_model }) =>
      choice === "auto" ||
      ai_model === choice ||
      (choice === "runway" && ai_model === "runway-http"),
  );
}

/** How a request asks for a provider first; null: only by way of another. */
export const MODEL_CHOICE: Record<AiModel, ModelChoice | null> = {
  runway: "runway",
  "runway-http": null,
  "gemini-veo-3.1": "gemini-veo-3.1",
  "gemini-omni-flash": "gemini-omni-flash",
};

export function choicesOf(models: readonly Model[]): ModelChoice[] {
  const named = models.map(({ ai_model }) => MODEL_CHOICE[ai_model]);
  return ["auto", ...named.filter((choice) => choice !== null)];
}

export function offersOf(models: readonly Model[], draft: Draft): Offers {
  const all = chosen(models, draft.model);
  const available = all.filter((model) => model.available);
  const asked = available.length ? available : all;
  const hasImage = Boolean(draft.image || draft.imageUrl);
  const some = (test: (model: Model) => boolean) => asked.some(test);
  const ratios = (model: Model): readonly Shape[] =>
    hasImage ? model.aspect_ratios : model.text_aspect_ratios;
  return {
    durations: DURATIONS.filter((s) => some((model) => model.durations.includes(s))),
    resolutions: RESOLUTIONS.filter((r) => some((m) => m.resolutions.includes(r))),
    shapes: ["auto", ...SHAPES.filter((s) => some((m) => ratios(m).includes(s)))],
    withSound: some((model) => model.audio),
    withoutSound: some((model) => !ALWAYS_SOUND.includes(model.ai_model)),
    lastImage: hasImage && some((model) => model.last_image),
    longestPrompt: Math.max(0, ...asked.map((model) => model.limits.prompt)) || 2000,
  };
}

/** The draft with what is not on offer replaced by the nearest that is. */
export function fitted(draft: Draft, offers: Offers): Draft {
  const { durations, resolutions, shapes } = offers;
  const longEnough = durations.find((seconds) => seconds >= draft.duration);
  const hasSound =
    (draft.audio === true && offers.withSound) ||
    (draft.audio === false && offers.withoutSound);
  return {
    ...draft,
    duration: longEnough ?? durations.at(-1) ?? draft.duration,
    resolution: resolutions.includes(draft.resolution)
      ? draft.resolution
      : (resolutions[0] ?? draft.resolution),
    shape: shapes.includes(draft.shape) ? draft.shape : "auto",
    audio: hasSound ? draft.audio : null,
    lastImage: offers.lastImage ? draft.lastImage : null,
  };
}
