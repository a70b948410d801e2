// What the charts show, out of what the API says.

import type { AiModel, Usage } from "../api";

type Day = Usage["usage"][number];
export type Measure = "cost" | "videos";
/** null: translations; and jobs for which nobody was asked, which cost nothing. */
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
// Of the chart, which is about 200 pixels high: one of them.
const LEAST_SEEN = 1 / 200;

/** A bar for every day of the period, also for those without a job. */
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

/** Whose part can be seen in any bar, in the order of `all`; nobody comes last. */
export function makersOf(bars: readonly Bar[], all: readonly Maker[], top: number): Maker[] {
  const parts = bars.flatMap((bar) => bar.parts);
  const seen = parts.filter(({ value }) => value / top >= LEAST_SEEN);
  const found = new Set(seen.map(({ maker }) => maker));
  return [...all, null].filter((maker) => found.has(maker));
}

/** A provider may have been asked on a day, and made and cost nothing. */
export function isAnything(day: Day): boolean {
  return day.jobs > 0 || day.failed > 0 || Number(day.cost_usd) > 0;
}

/** What is held today for videos in progress, of which the days say nothing yet. */
export function openUsd({ caps, usage, to }: Usage): number {
  const ended = usage.filter(({ date }) => date === to);
  const spent = ended.reduce((sum, day) => sum + Number(day.cost_usd), 0);
  return Math.max(0, Number(caps.daily.used_usd) - spent);
}

export function totalOf(bars: readonly Bar[]): number {
  return bars.reduce((sum, bar) => sum + bar.total, 0);
}

/** The top of the axis: the next round figure above all bars. */
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
