import { expect, test } from "vitest";
import { longestFit, obstacleOf, reasonOf, remainingUnderCaps, resetOf, riseOf } from "../src/make/limits";
import { aDraft, MODELS } from "./examples";

const cap = (left_usd: string | null) => ({ limit_usd: null, used_usd: "0", left_usd });

test("the cap that leaves less counts", () => {
  const remaining = remainingUnderCaps({ caps: { daily: cap("7.60"), monthly: cap("0.30") } });

  expect(remaining).toEqual({ leftUsd: "0.30", period: "monthly" });
  expect(remainingUnderCaps({ caps: { daily: cap(null), monthly: cap(null) } })).toBeNull();
});

test("caps reset at midnight in the service's time zone", () => {
  const now = new Date("2026-11-29T16:30:00Z");

  expect(resetOf("daily", now, "UTC").toISOString()).toBe("2026-11-30T00:00:00.000Z");
  expect(resetOf("daily", now, "Asia/Seoul").toISOString()).toBe("2026-11-30T15:00:00.000Z");
  expect(resetOf("monthly", now, "Asia/Seoul").toISOString()).toBe("2026-11-30T15:00:00.000Z");
});

test("the longest video that fits is suggested, at the lowest price", () => {
  expect(longestFit(aDraft(), MODELS, 0.26)).toEqual({ model: "runway", duration: 5, usd: 0.25 });
  expect(longestFit(aDraft(), MODELS, 0.3)).toMatchObject({ duration: 6, usd: 0.3 });
  expect(longestFit(aDraft({ image: null }), MODELS, 0.5)).toMatchObject({
    model: "gemini-omni-flash",
    duration: 5,
  });
  expect(longestFit(aDraft(), MODELS, 0.1)).toBeNull();
});

test("what fits is no longer than the draft, and of a provider that can be asked", () => {
  const without = MODELS.filter(({ ai_model }) => ai_model !== "runway");
  const runway = MODELS.find(({ ai_model }) => ai_model === "runway")!;

  expect(longestFit(aDraft({ duration: 4 }), MODELS, 100)).toMatchObject({ duration: 4 });
  expect(longestFit(aDraft(), [{ ...runway, available: false }, ...without], 0.3)).toEqual(
    longestFit(aDraft(), without, 0.3),
  );
});

test("obstacles are reported, and there is none if a provider would be asked", () => {
  const link = (skipped: string | null) => ({ ai_model: "runway", skipped });
  const obstacle = (left: string | null, skipped: string | null, code?: string) => {
    const refused = code ? { code, message: "" } : null;
    const estimate = { refused, estimated_cost_usd: "0.40", links: [link("unsupported"), link(skipped)] };
    return obstacleOf(estimate as never, { caps: { daily: cap(left), monthly: cap(null) } });
  };

  expect(obstacle(null, null)).toBeNull();
  expect(obstacle("0.40", null)).toBeNull();
  expect(obstacle("0.39", null)).toBe("cap");
  expect(obstacle(null, "not_configured")).toBe("noProvider");
  expect(obstacle(null, "circuit_open")).toBe("noProviderNow");
  expect(obstacle(null, null, "generation_paused")).toBe("refused");
  expect(obstacle(null, null, "exceeds_limit")).toBe("cap");
});

test("each obstacle has a reason: the API's, if it gives one", () => {
  const refused = { code: "exceeds_limit", message: "Too expensive." } as const;

  expect(reasonOf({ refused }, "cap")).toEqual(["inItsWords", "Too expensive."]);
  expect(reasonOf({ refused: null }, "cap")).toEqual(["noRoom"]);
  expect(reasonOf({ refused: null }, "noProvider")).toEqual(["noProvider"]);
  expect(reasonOf({ refused: null }, "noProviderNow")).toEqual(["noProviderNow"]);
});

test.each([
  ["0.40", "4.40", null],
  ["0.20", "4.40", null],
  ["0.4002", "4.4002", null], // a translation
  ["0.41", "4.40", "priceRose"],
  ["0.40", "4.41", "maximumRose"],
  ["0.20", "4.41", "maximumRose"],
  ["10.00", "10.00", "priceRose"],
])("of $0.40 to 4.40, the price %s to %s is a rise: %s", (estimated_cost_usd, max_cost_usd, rise) => {
  const shown = { estimated_cost_usd: "0.40", max_cost_usd: "4.40" };

  expect(riseOf({ estimated_cost_usd, max_cost_usd }, shown)).toBe(rise);
});
