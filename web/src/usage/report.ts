// Computes the charts' data from the API's usage report.

import type { AiModel, Usage } from "../api";

type Day = Usage["usage"][number];
export type Measure = "cost" | "videos";
/** null: translations, and jobs for which no provider was asked, which cost nothing. */
export type Maker = AiModel | null;

export interface Bar {
  date: string;
  total: number;
  parts: { maker: Maker; value: number }[];
}

const VALUES: Record<Measure, (day: Day) => number> = {
  cost: (day) => Number(day.cost_usd),
  videos: (day) => day.completed,
};
const DAY_MS = 86_400_000;
// One pixel of the chart, which is about 200 pixels high.
const MIN_VISIBLE = 1 / 200;
// The same minimum as for `usual_seconds` in `GET /v1/models`.
const MIN_USUAL_VIDEOS = 8;

/** One bar for each day of the period, including days without a job. */
export function barsOf(usage: Usage, measure: Measure): Bar[] {
  const bars = new Map<string, Bar>();
  for (const date of daysOf(usage.from, usage.to)) {
    bars.set(date, { date, total: 0, parts: [] });
  }
  for (const day of usage.usage) {
    const value = VALUES[measure](day);
    const bar = bars.get(day.date);
    if (!bar || !value) continue;
    bar.parts.push({ maker: day.ai_model, value });
    bar.total += value;
  }
  return [...bars.values()];
}

function daysOf(first: string, last: string): string[] {
  const [from, to] = [Date.parse(first), Date.parse(last)];
  const count = Math.round((to - from) / DAY_MS) + 1;
  return Array.from({ length: count }, (_, n) =>
    new Date(from + n * DAY_MS).toISOString().slice(0, 10),
  );
}

/** The makers whose part is visible in some bar, in the order of `all`, with null last. */
export function makersOf(bars: readonly Bar[], all: readonly Maker[], top: number): Maker[] {
  const parts = bars.flatMap((bar) => bar.parts);
  const seen = parts.filter(({ value }) => value / top >= MIN_VISIBLE);
  const found = new Set(seen.map(({ maker }) => maker));
  return [...all, null].filter((maker) => found.has(maker));
}

/** Whether there is anything to show: an asked provider may have made nothing, at no cost. */
export function hasActivity(day: Day): boolean {
  return day.jobs > 0 || day.failed > 0 || Number(day.cost_usd) > 0;
}

/** USD held for videos in progress, which the days don't include yet. */
export function heldUsd({ caps, usage, to }: Usage): number {
  const ended = usage.filter(({ date }) => date === to);
  const spent = ended.reduce((sum, day) => sum + Number(day.cost_usd), 0);
  return Math.max(0, Number(caps.daily.used_usd) - spent);
}

/** Whether the median is of enough videos to be shown as the usual time. */
export function isUsual({ completed }: Usage["providers"][number]): boolean {
  return completed >= MIN_USUAL_VIDEOS;
}

/** Shows 100% only if nothing failed. */
export function percent(rate: number): string {
  return `${rate < 1 ? Math.min(99, Math.round(rate * 100)) : 100}%`;
}

export function totalOf(bars: readonly Bar[]): number {
  return bars.reduce((sum, bar) => sum + bar.total, 0);
}

/** The top of the axis: the smallest round figure that no bar exceeds. */
export function topOf(bars: readonly Bar[], measure: Measure): number {
  const most = Math.max(0, ...bars.map(({ total }) => total));
  const least = measure === "videos" ? 1 : 0.1;
  const scale = 10 ** Math.floor(Math.log10(Math.max(most, least)) + 1e-9);
  const steps = [1, 2, 3, 4, 5, 6, 8, 10].map((step) => step * scale);
  return steps.find((step) => step >= most - 1e-9) ?? 10 * scale;
}

/** The first day of a period of `days` that ends today. */
export function firstDay(days: number, now: number): string {
  return new Date(now - (days - 1) * DAY_MS).toISOString().slice(0, 10);
}
