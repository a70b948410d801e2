import { expect, test } from "vitest";
import { ago, clock, money, span } from "../src/format";

test.each([
  ["0", "$0.00"],
  ["0.4", "$0.40"],
  ["12.345", "$12.35"],
  ["1234.5", "$1,234.50"],
  ["0.000197", "$0.0002"],
])("%s USD reads %s", (usd, shown) => expect(money(usd)).toBe(shown));

test("durations are formatted as on a player, and in words", () => {
  expect(clock(8.04)).toBe("0:08");
  expect(clock(75)).toBe("1:15");
  expect(span(38, "ko")).toBe("38초");
  expect(span(80, "ko")).toBe("1분 20초");
  expect(span(60, "en")).toBe("1\u00a0min");
  expect(span(7530, "ko")).toBe("2시간 5분");
  expect(span(3601, "en")).toBe("1\u00a0h");
});

test("ages are rounded down, and less than a minute is now", () => {
  const now = Date.parse("2026-11-29T12:00:00Z");

  expect(ago("2026-11-29T11:59:30Z", now, "ko")).toBe("방금");
  expect(ago("2026-11-29T09:10:00Z", now, "ko")).toBe("2시간 전");
  expect(ago("2026-11-28T11:00:00Z", now, "en")).toBe("yesterday");
});
