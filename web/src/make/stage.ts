// What the stage and the strip show of a job: words and frames, from the video alone.

import type { AiModel, Attempt, Model, Usage, Video } from "../api";
import { span } from "../format";
import type { Language, Sentence } from "../i18n";
import { chosen } from "./offers";

export const SHORT: Record<AiModel, string> = {
  runway: "Runway",
  "runway-http": "Runway",
  "gemini-veo-3.1": "Veo",
  "gemini-omni-flash": "Omni",
};
/** Where both ways to Runway are told apart. */
export const NAMES: Record<AiModel, string> = { ...SHORT, "runway-http": "Runway HTTP" };
export const FULL: Record<AiModel, string> = {
  ...NAMES,
  "gemini-veo-3.1": "Gemini Veo 3.1",
  "gemini-omni-flash": "Gemini Omni",
};

export interface Sight {
  video: Video;
  isCancelling: boolean;
  /** Milliseconds since 1970. */
  now: number;
  /** Seconds that each provider usually takes, where that is known. */
  usual: Partial<Record<AiModel, number>>;
  language: Language;
}

/** One line that says what is going on, and one with who, since when, how long. */
export interface Words {
  headline: Sentence;
  details: Sentence[];
}

export function wordsOf(sight: Sight): Words {
  const { video } = sight;
  const working = video.attempts.find(({ outcome }) => outcome === "running");
  if (sight.isCancelling) return { headline: ["cancelling"], details: [] };
  if (video.stage === "storing") {
    return { headline: ["storing"], details: working ? times(working, sight) : [] };
  }
  if (!working) return { headline: resting(video), details: [] };
  const name = SHORT[working.ai_model];
  const before = lastAsked(video, working);
  const isHandedOver = before && SHORT[before.ai_model] !== name;
  return {
    headline: isHandedOver
      ? ["handedOver", SHORT[before.ai_model], name, before.error?.code ?? null]
      : doing(video, name),
    details: [...(isHandedOver ? [doing(video, name)] : []), ...times(working, sight)],
  };
}

function resting(video: Video): Sentence {
  if (video.attempts.some(({ outcome }) => outcome !== "skipped")) return ["choosing"];
  return video.image || video.image_url ? ["checkingImage"] : ["preparing"];
}

function doing(video: Video, name: string): Sentence {
  if (video.stage === "waiting_for_provider") return ["inQueue", name];
  return video.stage === "generating" ? ["generating", name] : ["asking", name];
}

function lastAsked({ attempts }: Video, working: Attempt): Attempt | undefined {
  return attempts
    .slice(0, attempts.indexOf(working))
    .findLast(({ outcome }) => outcome !== "skipped");
}

function times(working: Attempt, { now, usual, language }: Sight): Sentence[] {
  const elapsed = Math.max(0, (now - Date.parse(working.started_at)) / 1000);
  const median = usual[working.ai_model];
  return [
    ["elapsed", span(elapsed, language)],
    ...(median ? [["usually", span(median, language)] as Sentence] : []),
  ];
}

export type FrameState =
  | "planned"
  | "waiting"
  | "working"
  | "failed"
  | "skipped"
  | "delivered"
  | "unused";

/** A provider's frame of the strip. */
export interface Frame {
  model: AiModel;
  state: FrameState;
  note: Sentence[];
}

// What is said of those that were not asked.
const LEFT = { processing: "waiting", completed: "unused", failed: "unasked" } as const;

/** The chain of a job: who was asked and how it ended, then who may still be. */
export function framesOf(video: Video, models: readonly Model[]): Frame[] {
  const tried = video.attempts.map((attempt) => attempted(attempt, video, models));
  const left: Sentence = [LEFT[video.status]];
  const rest = planned(video, models)
    .filter((model) => video.attempts.every((a) => a.ai_model !== model.ai_model))
    .map(({ ai_model: model }): Frame => {
      const state = video.status === "processing" ? "waiting" : "unused";
      return { model, state, note: [left] };
    });
  return [...tried, ...rest];
}

function attempted(attempt: Attempt, video: Video, models: readonly Model[]): Frame {
  const { ai_model: model, error, outcome } = attempt;
  const cost = Number(attempt.cost_usd);
  const paid: Sentence = cost ? ["cost", cost] : ["free"];
  switch (outcome) {
    case "running": {
      const price = priceOf(models.find((m) => m.ai_model === model) ?? null, video);
      const note: Sentence[] = price === null ? [] : [["cost", price]];
      return { model, state: "working", note: [["working"], ...note] };
    }
    case "succeeded":
      return { model, state: "delivered", note: [["delivered"], paid] };
    case "skipped":
      return { model, state: "skipped", note: [skip(attempt, video, models)] };
    default:
      return { model, state: "failed", note: [["reason", error?.code ?? null], paid] };
  }
}

/** Why a provider was skipped, in the words of the plan where it lacks an image. */
function skip({ ai_model, error }: Attempt, video: Video, models: readonly Model[]): Sentence {
  const model = models.find((one) => one.ai_model === ai_model);
  const isOfText = !video.image && !video.image_url;
  return isOfText && error?.code === "unsupported" && model?.text_aspect_ratios.length === 0
    ? ["needsImage"]
    : ["skipped", error?.code ?? null];
}

/** The providers in the order in which this job asks them. */
function planned(video: Video, models: readonly Model[]): Model[] {
  const first = chosen(models, video.model);
  return video.fallback ? [...first, ...models.filter((m) => !first.includes(m))] : first;
}

/** What the provider takes for a video of this length; null if it can't make one. */
export function priceOf(
  model: Model | null,
  { duration, resolution }: Pick<Video, "duration" | "resolution">,
): number | null {
  const usd = model?.usd_per_second[resolution];
  if (!model || usd === undefined) return null;
  return madeLength(model, duration) * Number(usd);
}

/** The next length that the provider makes. */
function madeLength({ durations }: Model, asked: number): number {
  const sorted = [...durations].sort((a, b) => a - b);
  return sorted.find((one) => one >= asked) ?? sorted.at(-1) ?? asked;
}

/** Of everybody's latest videos of this length, or else of the user's own of any. */
export function usualOf(
  { duration }: Pick<Video, "duration">,
  models: readonly Model[],
  usage: Pick<Usage, "providers"> | null,
): Sight["usual"] {
  const own = (usage?.providers ?? []).flatMap(({ ai_model, median_seconds }) =>
    median_seconds === null ? [] : [[ai_model, median_seconds] as const],
  );
  const everybodys = models.flatMap((model) => {
    // An earlier release of the API has none.
    const seconds = model.usual_seconds?.[madeLength(model, duration)];
    return seconds === undefined ? [] : [[model.ai_model, seconds] as const];
  });
  return Object.fromEntries([...own, ...everybodys]);
}
