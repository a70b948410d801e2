import { expect, test } from "vitest";
import type { Usage } from "../src/api";
import { barsOf, firstDay, hasActivity, isUsual, makersOf, heldUsd, percent, topOf, totalOf } from "../src/usage/report";

const day = (date: string, ai_model: "runway" | "gemini-veo-3.1" | null, usd: string) => ({
  ...{ date, ai_model, jobs: 2, completed: 1, failed: 1, seconds: 8, cost_usd: usd },
});
const cap = { limit_usd: null, used_usd: "0.00", left_usd: null };
const USAGE: Usage = {
  from: "2026-02-27",
  to: "2026-03-02",
  scope: "own",
  time_zone: "UTC",
  usage: [
    day("2026-02-28", "runway", "0.40"),
    day("2026-02-28", "gemini-veo-3.1", "3.20"),
    day("2026-03-02", null, "0.00"),
  ],
  providers: [],
  caps: { daily: cap, monthly: cap },
};

test("every day has a bar, with a part for each provider", () => {
  const bars = barsOf(USAGE, "cost");

  expect(bars.map(({ date, parts }) => [date, parts.length])).toEqual([
    ["2026-02-27", 0],
    ["2026-02-28", 2],
    ["2026-03-01", 0],
    ["2026-03-02", 0],
  ]);
  expect(bars[1]?.total).toBeCloseTo(3.6);
  expect(totalOf(bars)).toBeCloseTo(3.6);
});

test("providers are listed in the order of the chain, null last", () => {
  const bars = barsOf(USAGE, "videos");

  expect(makersOf(bars, ["gemini-veo-3.1", "runway", "runway-http"], 2)).toEqual([
    "gemini-veo-3.1",
    "runway",
    null,
  ]);
});

test("a provider whose part is too small to see is not in the legend", () => {
  const parts = [
    { maker: "runway" as const, value: 0.4 },
    { maker: null, value: 0.0002 },
  ];

  expect(makersOf([{ date: "", total: 0.4002, parts }], ["runway"], 0.4)).toEqual(["runway"]);
});

test("a day on which a provider made nothing, at no cost, has no row", () => {
  const nothing = { ...day("2026-03-02", "runway", "0"), jobs: 0, completed: 0, failed: 0 };

  expect(hasActivity(nothing)).toBe(false);
  expect(hasActivity({ ...nothing, cost_usd: "0.40" })).toBe(true);
  expect(hasActivity(day("2026-03-02", null, "0.00"))).toBe(true);
});

test("what today's cap holds beyond ended jobs is for videos in progress", () => {
  const daily = { ...cap, used_usd: "6.40" };
  const caps = { daily, monthly: daily };

  expect(heldUsd({ ...USAGE, to: "2026-02-28", caps })).toBeCloseTo(2.8);
  expect(heldUsd({ ...USAGE, caps })).toBeCloseTo(6.4);
  expect(heldUsd({ ...USAGE, to: "2026-02-28" })).toBe(0);
});

test("videos are counted even if nothing was paid", () => {
  expect(barsOf(USAGE, "videos").map(({ total }) => total)).toEqual([0, 2, 0, 1]);
});

test.each([
  [[], 0.1],
  [[0.03], 0.1],
  [[0.4, 3.6], 4],
  [[1], 1],
  [[20.01], 30],
  [[830], 1000],
])("an axis for %j ends at %d", (totals, top) => {
  const bars = totals.map((total) => ({ date: "", total, parts: [] }));

  expect(topOf(bars, "cost")).toBeCloseTo(top);
});

test("a provider has a usual time from eight finished videos on", () => {
  const asked = { ai_model: "runway", attempts: 16, success_rate: 0.5 } as const;
  const provider = { ...asked, median_seconds: 27 };

  expect(isUsual({ ...provider, completed: 8 })).toBe(true);
  expect(isUsual({ ...provider, completed: 7 })).toBe(false);
});

test("only a provider that never failed succeeded with 100%", () => {
  expect([0, 0.004, 0.5, 0.996, 1].map(percent)).toEqual(["0%", "0%", "50%", "99%", "100%"]);
});

test("an axis of videos ends at a whole number", () => {
  expect(topOf([], "videos")).toBe(1);
});

test("a period ends today", () => {
  expect(firstDay(7, Date.parse("2026-03-02T10:00:00Z"))).toBe("2026-02-24");
});
