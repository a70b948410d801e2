import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as clicks from "../src/make/click";
import * as drafts from "../src/make/draft";
import { keepBlobs, readBlob } from "../src/make/blobs";
import { forgetAll, forgetImages, isAnythingKept } from "../src/make/kept";
import { aDraft, aStorage, aVideo } from "./examples";

const SECRET = "Ann's secret";

const stored = new Map<string, string>();

beforeEach(() => {
  stored.clear();
  vi.stubGlobal("localStorage", aStorage(stored));
  vi.stubGlobal("sessionStorage", aStorage(stored));
  drafts.belongTo("ann");
  clicks.belongTo("ann", 0);
});
afterEach(async () => {
  await forgetAll("ann");
  vi.unstubAllGlobals();
});

/** All that the browser keeps, as whoever sits down next could read it. */
const kept = () => JSON.stringify([...stored]);

test("who typed, chose and clicked nothing leaves nothing worth a question", () => {
  expect(isAnythingKept("ann")).toBe(false);
  drafts.change({ duration: 5 });
  expect(isAnythingKept("ann")).toBe(false);
});

test.each([
  ["a prompt", () => drafts.change({ prompt: SECRET })],
  ["an image", () => drafts.change({ image: { id: "ann/1", width: 200, height: 200 } })],
  ["an address", () => drafts.change({ imageUrl: "https://example.com/ann.jpg" })],
  [
    "an earlier order",
    () => {
      clicks.click.value = clicks.newClick("ann", aDraft({ prompt: SECRET }), 0);
      clicks.settle(aVideo());
    },
  ],
])("%s is worth a question, and nobody else's is", (_, act) => {
  act();

  expect(isAnythingKept("ann")).toBe(true);
  expect(isAnythingKept("bob")).toBe(false);
});

test("an image taken out again is worth no question, and goes with who leaves", async () => {
  drafts.change({ duration: 5 });
  await keepBlobs("ann", new Map([["ann/1", new Blob(["her image"])]]), []);
  expect(isAnythingKept("ann")).toBe(false);

  await forgetImages("ann");

  expect(await readBlob("ann/1")).toBeNull();
  expect(drafts.draft.value.duration).toBe(5);
});

test("what is erased is nowhere, and another's stays", async () => {
  drafts.belongTo("bob");
  drafts.change({ prompt: "Bob's" });
  drafts.belongTo("ann");
  drafts.change({ prompt: SECRET });
  clicks.click.value = clicks.newClick("ann", aDraft({ prompt: SECRET }), 0);
  clicks.settle(aVideo());
  await keepBlobs("ann", new Map([["ann/1", new Blob(["her image"])]]), []);

  await forgetAll("ann");

  expect(kept()).not.toContain(SECRET);
  expect(kept()).toContain("Bob's");
  expect(await readBlob("ann/1")).toBeNull();
  // What still runs writes nothing of hers any more.
  drafts.change({ prompt: SECRET });
  expect(kept()).not.toContain(SECRET);
});

test("a click that was not answered is not sent again once it is erased", async () => {
  const sent: string[] = [];
  const createVideo = async (_: unknown, key: string) => {
    sent.push(key);
    return aVideo();
  };
  const api = { createVideo, user: "ann" } as never;
  const waiting = clicks.newClick("ann", aDraft({ image: null }), 0);
  const made = clicks.carryOut(api, waiting);

  await forgetAll("ann");

  expect(await made).toBeNull();
  clicks.belongTo("ann", 1);
  expect(clicks.click.value).toBeNull();
});

/** Another tab of the browser, at Ann's page: it shares `localStorage` alone. */
async function anotherTab() {
  const own = aStorage(new Map());
  vi.stubGlobal("sessionStorage", own);
  let heard = (_: { key: string }) => {};
  vi.stubGlobal("addEventListener", (type: string, listener: typeof heard) => {
    if (type === "storage") heard = listener;
  });
  vi.resetModules();
  await import("../src/make/kept");
  const clicks = await import("../src/make/click");
  const drafts = await import("../src/make/draft");
  clicks.belongTo("ann", 0);
  drafts.belongTo("ann");
  vi.stubGlobal("sessionStorage", aStorage(stored));
  return { own, clicks, drafts, hear: (key: string) => heard({ key }) };
}

const never = { createVideo: () => new Promise(() => {}), user: "ann" } as never;

test("what is erased in one tab is no longer typed nor sent in another", async () => {
  const other = await anotherTab();
  other.drafts.change({ prompt: SECRET });
  const waiting = clicks.newClick("ann", aDraft({ prompt: SECRET, image: null }), 0);
  void other.clicks.carryOut(never, waiting);

  await forgetAll("ann");
  other.hear("reelay.erased.ann");

  expect(other.clicks.click.value).toBeNull();
  expect(other.drafts.draft.value.prompt).toBe("");
  other.drafts.change({ prompt: SECRET });
  expect(kept()).not.toContain(SECRET);
});

test("a tab that was closed meanwhile does not send what was erased either", async () => {
  const { own, clicks: others } = await anotherTab();
  const waiting = clicks.newClick("ann", aDraft({ image: null }), Date.now() - 1);
  own.setItem("reelay.click.ann", JSON.stringify(waiting));

  await forgetAll("ann");

  vi.stubGlobal("sessionStorage", own);
  others.belongTo("ann", Date.now());
  expect(others.click.value).toBeNull();
});

test("what another user of this browser erases is no matter of mine", async () => {
  const other = await anotherTab();
  other.drafts.change({ prompt: SECRET });

  other.hear("reelay.erased.bob");

  expect(other.drafts.draft.value.prompt).toBe(SECRET);
});
