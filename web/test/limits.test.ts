import { expect, test } from "vitest";
import { fitOf, resetOf, roomOf } from "../src/make/limits";
import { aDraft, MODELS } from "./examples";

const cap = (left_usd: string | null) => ({ limit_usd: null, used_usd: "0", left_usd });

test("the nearer cap counts", () => {
  const room = roomOf({ caps: { daily: cap("7.60"), monthly: cap("0.30") } });

  expect(room).toEqual({ leftUsd: "0.30", period: "monthly" });
  expect(roomOf({ caps: { daily: cap(null), monthly: cap(null) } })).toBeNull();
});

test("caps begin anew at midnight where the service counts its days", () => {
  const now = new Date("2026-11-29T16:30:00Z");

  expect(resetOf("daily", now, "UTC").toISOString()).toBe("2026-11-30T00:00:00.000Z");
  expect(resetOf("daily", now, "Asia/Seoul").toISOString()).toBe("2026-11-30T15:00:00.000Z");
  expect(resetOf("monthly", now, "Asia/Seoul").toISOString()).toBe("2026-11-30T15:00:00.000Z");
});

test("what fits is as long as it can be, and then as cheap", () => {
  expect(fitOf(aDraft(), MODELS, 0.26)).toEqual({ model: "runway", duration: 5, usd: 0.25 });
  expect(fitOf(aDraft(), MODELS, 0.3)).toMatchObject({ duration: 6, usd: 0.3 });
  expect(fitOf(aDraft({ image: null }), MODELS, 0.5)).toMatchObject({
    model: "gemini-omni-flash",
    duration: 5,
  });
  expect(fitOf(aDraft(), MODELS, 0.1)).toBeNull();
});
