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
