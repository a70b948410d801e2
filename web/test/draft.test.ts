import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { belongTo, change, draft, EMPTY, wishOf } from "../src/make/draft";
import { aDraft, aStorage } from "./examples";

beforeEach(() => vi.stubGlobal("localStorage", aStorage()));
afterEach(() => vi.unstubAllGlobals());

test("each user finds the own draft, and nobody another's", () => {
  belongTo("ann");
  change({ prompt: "Ann's secret" });

  belongTo("bob");
  expect(draft.value).toEqual(EMPTY);
  change({ prompt: "Bob's" });

  belongTo("ann");
  expect(draft.value.prompt).toBe("Ann's secret");
});

test("a translation that arrives is no other wish, and an edited one is", () => {
  const english = { of: "너구리", text: "A raccoon", edited: false };
  const wish = wishOf(aDraft({ english: null }));

  expect(wishOf(aDraft({ english }))).toBe(wish);
  expect(wishOf(aDraft({ english: { ...english, edited: true } }))).not.toBe(wish);
});
