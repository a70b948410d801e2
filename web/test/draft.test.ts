import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { switchUser, change, draft, EMPTY, fingerprintOf } from "../src/make/draft";
import { aDraft, aStorage } from "./examples";

beforeEach(() => {
  vi.stubGlobal("localStorage", aStorage());
  vi.stubGlobal("sessionStorage", aStorage());
});
afterEach(() => vi.unstubAllGlobals());

test("each user gets their own draft and no one else's", () => {
  switchUser("ann");
  change({ prompt: "Ann's secret" });

  switchUser("bob");
  expect(draft.value).toEqual(EMPTY);
  change({ prompt: "Bob's" });

  switchUser("ann");
  expect(draft.value.prompt).toBe("Ann's secret");
});

/** A newly opened tab or, with its earlier storage, a reloaded one. */
async function aTab(own = aStorage()): Promise<typeof import("../src/make/draft")> {
  vi.stubGlobal("sessionStorage", own);
  vi.resetModules();
  const tab = await import("../src/make/draft");
  tab.switchUser("ann");
  return tab;
}

test("a reload restores this tab's draft, and a new tab starts with the latest one", async () => {
  const own = aStorage();
  const first = await aTab(own);
  first.change({ prompt: "The first tab's" });
  const second = await aTab();
  second.change({ prompt: "The second tab's" });

  expect((await aTab(own)).draft.value.prompt).toBe("The first tab's");
  expect((await aTab()).draft.value.prompt).toBe("The first tab's");
});

test("a tab that was closed during the erasure does not bring the draft back", async () => {
  const own = aStorage();
  (await aTab(own)).change({ prompt: "Ann's secret" });
  localStorage.setItem("reelay.erased.ann", JSON.stringify(Date.now()));
  localStorage.removeItem("reelay.draft.ann");

  expect((await aTab(own)).draft.value).toEqual(EMPTY);
});

test("an arriving translation doesn't change the choices, but an edited one does", () => {
  const english = { of: "너구리", text: "A raccoon", edited: false };
  const fingerprint = fingerprintOf(aDraft({ english: null }));

  expect(fingerprintOf(aDraft({ english }))).toBe(fingerprint);
  expect(fingerprintOf(aDraft({ english: { ...english, edited: true } }))).not.toBe(fingerprint);
});
