// The choices on offer: those that an available provider supports.

import type { AiModel, Model } from "../api";
import type { Draft, ModelChoice, Resolution, Shape } from "./draft";

export interface Offers {
  durations: number[];
  resolutions: Resolution[];
  shapes: Shape[];
  /** Whether some provider makes a video with sound; likewise without. */
  withSound: boolean;
  withoutSound: boolean;
  lastImage: boolean;
  maxPromptLength: number;
}

const DURATIONS = [3, 4, 5, 6, 7, 8, 9, 10];
const SHAPES: Shape[] = ["16:9", "9:16", "1:1", "4:3", "3:4", "21:9"];
const RESOLUTIONS: Resolution[] = ["720p", "1080p"];
// Omni has no setting for sound, and always makes it.
const ALWAYS_SOUND: AiModel[] = ["gemini-omni-flash"];

/** The providers that the choice stands for: `auto` for all, `runway` for both ways to Runway. */
export function providersOf(models: readonly Model[], choice: ModelChoice): Model[] {
  return models.filter(
    ({ ai_model }) =>
      choice === "auto" ||
      ai_model === choice ||
      (choice === "runway" && ai_model === "runway-http"),
  );
}

/** The choice that asks a provider first; null: it is only reached through another. */
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
  const all = providersOf(models, draft.model);
  const available = all.filter((model) => model.available);
  const candidates = available.length ? available : all;
  const hasImage = Boolean(draft.image || draft.imageUrl);
  const some = (test: (model: Model) => boolean) => candidates.some(test);
  const ratios = (model: Model): readonly Shape[] =>
    hasImage ? model.aspect_ratios : model.text_aspect_ratios;
  // So that the page doesn't move when the providers are known.
  const isUnknown = !models.length;
  const mayShape = isUnknown && hasImage;
  return {
    durations: DURATIONS.filter((s) => isUnknown || some((m) => m.durations.includes(s))),
    resolutions: RESOLUTIONS.filter((r) => some((m) => m.resolutions.includes(r))),
    shapes: ["auto", ...SHAPES.filter((s) => mayShape || some((m) => ratios(m).includes(s)))],
    withSound: some((model) => model.audio),
    withoutSound: some((model) => !ALWAYS_SOUND.includes(model.ai_model)),
    lastImage: hasImage && some((model) => model.last_image),
    maxPromptLength: Math.max(0, ...candidates.map((model) => model.limits.prompt)) || 2000,
  };
}

/** The draft, with each choice that isn't on offer replaced by the nearest one that is. */
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
