// Derives what the stage and the strip show from a job: its status in words, and a frame per provider.

import type { AiModel, Attempt, Model, Usage, Video, VideoRequest } from "../api";
import { span } from "../format";
import type { Language, Message } from "../i18n";
import { isUsual } from "../usage/report";
import { providersOf } from "./offers";

export const SHORT: Record<AiModel, string> = {
  runway: "Runway",
  "runway-http": "Runway",
  "gemini-veo-3.1": "Veo",
  "gemini-omni-flash": "Omni",
};
/** Full names, which distinguish the two ways to Runway. */
export const NAMES: Record<AiModel, string> = {
  runway: "Runway",
  "runway-http": "Runway HTTP",
  "gemini-veo-3.1": "Gemini Veo 3.1",
  "gemini-omni-flash": "Gemini Omni",
};

export interface StageInput {
  video: Video;
  models: readonly Model[];
  isCancelling: boolean;
  /** When it was already being stored; see `storingOf`. */
  storingSince: number | null;
  /** Milliseconds since 1970. */
  now: number;
  /** The seconds that each provider usually takes, if known. */
  usual: Partial<Record<AiModel, number>>;
  language: Language;
}

/** The status in one line, and details such as the elapsed and the usual time. */
export interface StageText {
  headline: Message;
  details: Message[];
}

/** After this, a video that can't be stored is no longer almost done. */
const LONG_STORING_MS = 3 * 60_000;
/** By then an attempt's video is finished, or its provider is given up. */
const MAX_GENERATING_MS = 10 * 60_000;

export function stageTextOf(input: StageInput): StageText {
  const { video, models } = input;
  const working = video.attempts.find(({ outcome }) => outcome === "running");
  if (input.isCancelling) return { headline: ["cancelling"], details: [] };
  if (video.stage === "storing") return storingText(working, input);
  if (!working) return { headline: idleHeadline(video, models), details: [] };
  const name = SHORT[working.ai_model];
  const previous = previousAttempt(video, working);
  const isHandedOver = previous && SHORT[previous.ai_model] !== name;
  return {
    headline: isHandedOver
      ? ["handedOver", SHORT[previous.ai_model], name, previous.error?.code ?? null]
      : activityOf(video, name),
    details: [...(isHandedOver ? [activityOf(video, name)] : []), ...timing(working, input)],
  };
}

function storingText(working: Attempt | undefined, input: StageInput): StageText {
  if (!working) return { headline: ["storing"], details: [] };
  const latest = Date.parse(working.started_at) + MAX_GENERATING_MS;
  const since = Math.min(latest, input.storingSince ?? input.now);
  if (input.now - since < LONG_STORING_MS) {
    return { headline: ["storing"], details: timing(working, input) };
  }
  // How long it usually takes no longer helps.
  return {
    headline: ["storingLong", SHORT[working.ai_model]],
    details: [...timing(working, { ...input, usual: {} }), ["storedLater"]],
  };
}

/** A video that is being stored; `since`: when it already was, in milliseconds since 1970. */
export interface Storing {
  id: string;
  since: number;
}

/** The API doesn't say when storing began: the earliest update that was seen comes closest. */
export function storingOf(
  video: Video | null | undefined,
  before: Storing | null,
): Storing | null {
  if (video?.stage !== "storing") return null;
  if (before?.id === video.job_id) return before;
  return { id: video.job_id, since: Date.parse(video.updated_at) };
}

function idleHeadline(video: Video, models: readonly Model[]): Message {
  if (video.attempts.some(({ outcome }) => outcome !== "skipped")) {
    return models.length && !remainingProviders(video, models).length ? ["lastLook"] : ["choosing"];
  }
  return video.image || video.image_url ? ["checkingImage"] : ["preparing"];
}

function activityOf(video: Video, name: string): Message {
  if (video.stage === "waiting_for_provider") return ["inQueue", name];
  return video.stage === "generating" ? ["generating", name] : ["asking", name];
}

function previousAttempt({ attempts }: Video, working: Attempt): Attempt | undefined {
  return attempts
    .slice(0, attempts.indexOf(working))
    .findLast(({ outcome }) => outcome !== "skipped");
}

function timing(working: Attempt, { now, usual, language }: StageInput): Message[] {
  const elapsed = Math.max(0, (now - Date.parse(working.started_at)) / 1000);
  const median = usual[working.ai_model];
  return [
    ["elapsed", span(elapsed, language)],
    ...(median ? [["usually", span(median, language)] as Message] : []),
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

/** One provider's frame in the strip. */
export interface Frame {
  model: AiModel;
  state: FrameState;
  note: Message[];
}

// The note for the provider that was requested, by the job's stage.
const WORKING_NOTES = {
  queued: "asked",
  waiting_for_provider: "queued",
  generating: "working",
  storing: "saving",
  done: "working",
} as const satisfies Record<Video["stage"], string>;
// The note for providers that were not requested, by the job's status.
const REMAINING_NOTES = { processing: "waiting", completed: "unused", failed: "unasked" } as const;

/** A job's chain: the attempts and their results, then the providers that were not requested. */
export function framesOf(video: Video, models: readonly Model[]): Frame[] {
  const tried = video.attempts.map((attempt) => attemptFrame(attempt, video, models));
  const rest = remainingProviders(video, models).map(({ ai_model: model }): Frame => {
    const state = video.status === "processing" ? "waiting" : "unused";
    return { model, state, note: [[REMAINING_NOTES[video.status]]] };
  });
  return [...tried, ...rest];
}

function attemptFrame(attempt: Attempt, video: Video, models: readonly Model[]): Frame {
  const { ai_model: model, error, outcome } = attempt;
  const cost = Number(attempt.cost_usd);
  const paid: Message = cost ? ["cost", cost] : ["free"];
  switch (outcome) {
    case "running": {
      const price = priceOf(models.find((m) => m.ai_model === model) ?? null, video);
      const note: Message[] = price === null ? [] : [["cost", price]];
      return { model, state: "working", note: [[WORKING_NOTES[video.stage]], ...note] };
    }
    case "succeeded":
      return { model, state: "delivered", note: [["delivered"], paid] };
    case "skipped":
      return { model, state: "skipped", note: [skipReason(attempt, video, models)] };
    default:
      return { model, state: "failed", note: [["reason", error?.code ?? null], paid] };
  }
}

/** Why a provider was skipped, if possible in the same words as the plan. */
function skipReason({ ai_model, error }: Attempt, video: Video, models: readonly Model[]): Message {
  // It was not requested: the other provider on the same account did not answer.
  if (error?.code === "submission_unknown") return ["sameAccount"];
  const model = models.find((one) => one.ai_model === ai_model);
  const unmet = error?.code === "unsupported" && unmetNeed(model, video);
  return unmet || ["skipped", error?.code ?? null];
}

/** What the request would have to have, or to leave out, for this model to take it at all. */
export function unmetNeed(
  model: Model | undefined,
  {
    image,
    image_url,
    last_image,
    last_image_url,
    prompt,
  }: Pick<VideoRequest, "image" | "image_url" | "last_image" | "last_image_url" | "prompt">,
): Message | null {
  if (!image && !image_url && model?.text_aspect_ratios.length === 0) return ["needsImage"];
  if ((last_image || last_image_url) && model?.last_image === false) return ["noLastImage"];
  const most = model?.limits.prompt ?? Infinity;
  return prompt.length > most ? ["promptMax", most] : null;
}

/** The providers in the order in which this job asks them. */
function planned(video: Video, models: readonly Model[]): Model[] {
  const first = providersOf(models, video.model);
  return video.fallback ? [...first, ...models.filter((m) => !first.includes(m))] : first;
}

/** The planned providers without an attempt. */
function remainingProviders(video: Video, models: readonly Model[]): Model[] {
  const tried = new Set(video.attempts.map(({ ai_model }) => ai_model));
  return planned(video, models).filter(({ ai_model }) => !tried.has(ai_model));
}

/** What the running attempt costs, or may still cost, and what earlier attempts have cost. */
export function costOfCancel(video: Video, models: readonly Model[]): Message[] {
  const working = video.attempts.find(({ outcome }) => outcome === "running");
  // The sum of ended attempts, because the job's cost already includes the running one.
  const ended = video.attempts.filter(({ outcome }) => outcome !== "running");
  const spent = ended.reduce((sum, { cost_usd }) => sum + Number(cost_usd), 0);
  const lines: Message[] = [
    ...(working ? costOfWorking(working, video, models) : []),
    ...(spent ? [["cancelSpent", spent] as Message] : []),
  ];
  return lines.length ? lines : [["cancelFree"]];
}

function costOfWorking(working: Attempt, video: Video, models: readonly Model[]): Message[] {
  const name = SHORT[working.ai_model];
  // Its video is finished, so this is what it has cost.
  if (video.stage === "storing") return [["cancelStored", name, Number(working.cost_usd)]];
  const usd = priceOf(models.find((one) => one.ai_model === working.ai_model) ?? null, video);
  return usd === null ? [] : [["cancelCost", name, usd]];
}

/** The provider's price in USD for this length; null if it doesn't make this resolution. */
export function priceOf(
  model: Model | null,
  { duration, resolution }: Pick<Video, "duration" | "resolution">,
): number | null {
  const usd = model?.usd_per_second[resolution];
  if (!model || usd === undefined) return null;
  return videoLength(model, duration) * Number(usd);
}

/** The shortest length that the provider makes and that is long enough, or else its longest. */
function videoLength({ durations }: Model, requested: number): number {
  const sorted = [...durations].sort((a, b) => a - b);
  return sorted.find((one) => one >= requested) ?? sorted.at(-1) ?? requested;
}

/**
 * The usual seconds of each provider: for all users' latest videos of this length, or else
 * for the user's own of any length. Providers with too few videos are left out.
 */
export function usualOf(
  { duration }: Pick<Video, "duration">,
  models: readonly Model[],
  usage: Pick<Usage, "providers"> | null,
): StageInput["usual"] {
  const own = (usage?.providers ?? [])
    .filter(isUsual)
    .map(({ ai_model, median_seconds }) => [ai_model, median_seconds] as const);
  const all = models.flatMap((model) => {
    // Earlier releases of the API don't send it.
    const seconds = model.usual_seconds?.[videoLength(model, duration)];
    return seconds === undefined ? [] : [[model.ai_model, seconds] as const];
  });
  return Object.fromEntries([...own, ...all]);
}
