// What the caps leave, when they are reset, and what still fits.

import type { AiModel, Model, Usage } from "../api";
import { MODEL_CHOICE } from "./offers";
import type { Draft } from "./draft";

export interface Room {
  leftUsd: string;
  /** The cap that is nearest to its limit. */
  period: "daily" | "monthly";
}

/** The smaller of what both caps leave; null without caps. */
export function roomOf({ caps }: Pick<Usage, "caps">): Room | null {
  const rooms = (["daily", "monthly"] as const).flatMap((period) => {
    const leftUsd = caps[period].left_usd;
    return leftUsd === null ? [] : [{ leftUsd, period }];
  });
  return rooms.sort((a, b) => Number(a.leftUsd) - Number(b.leftUsd))[0] ?? null;
}

/** When the period's cap begins anew: the next midnight, or first of the month, there. */
export function resetOf(period: Room["period"], now: Date, timeZone: string): Date {
  const local = localTime(now, timeZone);
  const shift = local.getTime() - now.getTime();
  const next = new Date(local);
  next.setUTCHours(0, 0, 0, 0);
  if (period === "daily") next.setUTCDate(local.getUTCDate() + 1);
  else next.setUTCMonth(local.getUTCMonth() + 1, 1);
  return new Date(next.getTime() - shift);
}

/** The clock on the wall there, as if it were UTC. */
function localTime(now: Date, timeZone: string): Date {
  const shown = now.toLocaleString("sv-SE", { timeZone });
  return new Date(`${shown.replace(" ", "T")}Z`);
}

export interface Fit {
  model: AiModel;
  duration: number;
  usd: number;
}

/** The longest video that fits, with what is chosen otherwise; the cheapest of these. */
export function fitOf(draft: Draft, models: readonly Model[], leftUsd: number): Fit | null {
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

/** Dollars to the millionth: 6 × 0.05 is 0.3. */
function exact(usd: number): number {
  return Math.round(usd * 1e6) / 1e6;
}
