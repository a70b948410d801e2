// What the spending caps leave, when they reset, which video still fits, and whether a price has risen.

import type { AiModel, Estimate, Model, Usage } from "../api";
import { money } from "../format";
import type { Message } from "../i18n";
import { MODEL_CHOICE } from "./offers";
import type { Draft } from "./draft";

export interface Remaining {
  leftUsd: string;
  /** The cap that leaves less. */
  period: "daily" | "monthly";
}

/** What is left under the tighter of the two caps; null without caps. */
export function remainingUnderCaps({ caps }: Pick<Usage, "caps">): Remaining | null {
  const both = (["daily", "monthly"] as const).flatMap((period) => {
    const leftUsd = caps[period].left_usd;
    return leftUsd === null ? [] : [{ leftUsd, period }];
  });
  return both.sort((a, b) => Number(a.leftUsd) - Number(b.leftUsd))[0] ?? null;
}

/** Why no video would be made: a cap, a refusal, or no provider for these settings, at all or for now. */
export type Obstacle = "cap" | "refused" | "noProvider" | "noProviderNow";
const TEMPORARY = ["circuit_open", "generation_paused"];

/** What stands in the way of this estimate's request. It may pass without a change to the draft. */
export function obstacleOf(
  { refused, links, estimated_cost_usd }: Estimate,
  usage: Pick<Usage, "caps"> | null,
): Obstacle | null {
  if (refused) return refused.code === "exceeds_limit" ? "cap" : "refused";
  if (links.every(({ skipped }) => skipped)) {
    const isTemporary = links.some(({ skipped }) => TEMPORARY.includes(skipped ?? ""));
    return isTemporary ? "noProviderNow" : "noProvider";
  }
  const remaining = usage && remainingUnderCaps(usage);
  return remaining && Number(estimated_cost_usd) > Number(remaining.leftUsd) ? "cap" : null;
}

/** The obstacle in a sentence, without the figures of a cap. */
export function reasonOf({ refused }: Pick<Estimate, "refused">, obstacle: Obstacle): Message {
  if (refused) return ["inItsWords", refused.message];
  return obstacle === "noProvider" || obstacle === "noProviderNow" ? [obstacle] : ["noRoom"];
}

type Price = Pick<Estimate, "estimated_cost_usd" | "max_cost_usd">;

/** Which price on the button would be too low; null: neither. */
export function riseOf(price: Price, shown: Price): "priceRose" | "maximumRose" | null {
  if (isHigher(price.estimated_cost_usd, shown.estimated_cost_usd)) return "priceRose";
  return isHigher(price.max_cost_usd, shown.max_cost_usd) ? "maximumRose" : null;
}

/** Whether it is higher by what the page shows: not by a translation's fraction of a cent. */
function isHigher(usd: string, shownUsd: string): boolean {
  return Number(usd) > Number(shownUsd) && money(usd) !== money(shownUsd);
}

/** When the cap resets: the next midnight, or the first of the next month, in `timeZone`. */
export function resetOf(period: Remaining["period"], now: Date, timeZone: string): Date {
  const local = localTime(now, timeZone);
  const shift = local.getTime() - now.getTime();
  const next = new Date(local);
  next.setUTCHours(0, 0, 0, 0);
  if (period === "daily") next.setUTCDate(local.getUTCDate() + 1);
  else next.setUTCMonth(local.getUTCMonth() + 1, 1);
  return new Date(next.getTime() - shift);
}

/** The local time in `timeZone`, as if it were UTC. */
function localTime(now: Date, timeZone: string): Date {
  const shown = now.toLocaleString("sv-SE", { timeZone });
  return new Date(`${shown.replace(" ", "T")}Z`);
}

export interface Fit {
  model: AiModel;
  duration: number;
  usd: number;
}

/**
 * The longest video that costs at most `leftUsd`, with the draft's other choices. It is at most
 * as long as the draft's; of equally long ones, the cheapest.
 */
export function longestFit(draft: Draft, models: readonly Model[], leftUsd: number): Fit | null {
  const hasImage = Boolean(draft.image || draft.imageUrl);
  const found = models
    .filter((model) => model.available && MODEL_CHOICE[model.ai_model])
    .filter((model) => hasImage || model.text_aspect_ratios.length > 0)
    .flatMap((model) => {
      const price = Number(model.usd_per_second[draft.resolution] ?? Number.NaN);
      return model.durations
        .filter((seconds) => seconds >= 3 && seconds <= draft.duration)
        .map((duration) => ({ model: model.ai_model, duration, usd: exact(duration * price) }));
    })
    .filter(({ usd }) => usd <= leftUsd);
  return found.sort((a, b) => b.duration - a.duration || a.usd - b.usd)[0] ?? null;
}

/** Rounds away floating-point errors: 6 × 0.05 is 0.3. */
function exact(usd: number): number {
  return Math.round(usd * 1e6) / 1e6;
}
