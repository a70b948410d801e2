// Explains why a job failed, and picks the remedy to offer.

import type { AiModel, Attempt, Video } from "../api";
import type { Message } from "../i18n";

export type Code = NonNullable<Video["error"]>["code"];
/** The action of the button under a failure. */
export type Remedy = "prompt" | "image" | "provider" | "settings" | "again" | "wait";

export const REMEDIES: Record<Code, Remedy> = {
  prompt_refused: "prompt",
  image_refused: "image",
  output_filtered: "prompt",
  image_unreachable: "image",
  image_invalid: "image",
  access_denied: "provider",
  model_unavailable: "provider",
  out_of_credits: "provider",
  rate_limited: "again",
  input_not_accepted: "settings",
  provider_unavailable: "again",
  provider_error: "again",
  submission_unknown: "provider",
  deadline_exceeded: "again",
  bad_output: "again",
  cancelled: "again",
  storage_failed: "again",
  not_configured: "provider",
  circuit_open: "provider",
  unsupported: "settings",
  all_providers_failed: "again",
  generation_paused: "wait",
  daily_limit_reached: "wait",
  monthly_limit_reached: "wait",
};

export interface Explanation {
  code: Code;
  /** The API's own message, if used, is in the job's language. */
  why: Message;
  costUsd: number;
  remedy: Remedy;
  /** A provider that this job has not tried, if there is one. */
  instead: AiModel | null;
}

/** null: the job has no error. `chain`: the available providers, in order. */
export function explain(video: Video, chain: readonly AiModel[]): Explanation | null {
  if (!video.error) return null;
  const { code, message } = video.error;
  const instead = chain.find((one) => isOther(one, video.attempts)) ?? null;
  const remedy = REMEDIES[decisive(code, video.attempts)];
  return {
    code,
    // Here the API's message is meant for programs; the strip shows the reasons.
    why: code === "all_providers_failed" ? ["eachFailed"] : ["inItsWords", message],
    costUsd: Number(video.cost_usd),
    remedy: remedy === "provider" && !instead ? "wait" : remedy,
    instead,
  };
}

/** If all providers failed for the same reason, that reason decides the remedy. */
function decisive(code: Code, attempts: readonly Attempt[]): Code {
  if (code !== "all_providers_failed") return code;
  const asked = attempts.filter(({ outcome }) => outcome !== "skipped");
  const codes = new Set((asked.length ? asked : attempts).map((a) => a.error?.code));
  const [only] = codes;
  return codes.size === 1 && only ? only : code;
}

function isOther(one: AiModel, attempts: readonly Attempt[]): boolean {
  return one !== "runway-http" && attempts.every(({ ai_model }) => ai_model !== one);
}
