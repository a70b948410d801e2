import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as clicks from "../src/make/click";
import * as drafts from "../src/make/draft";
import { deleteBlobs, keepBlob, readBlob } from "../src/make/blobs";
import { eraseUserData, hasUserData } from "../src/make/user-data";
import { aDraft, aStorage, aVideo } from "./examples";

const SECRET = "Ann's secret";

const stored = new Map<string, string>();

beforeEach(() => {
  stored.clear();
  vi.stubGlobal("localStorage", aStorage(stored));
  vi.stubGlobal("sessionStorage", aStorage(stored));
  drafts.switchUser("ann");
  clicks.switchUser("ann", 0);
});
afterEach(async () => {
  await eraseUserData("ann");
  vi.unstubAllGlobals();
});

/** Everything in the browser's storage, where the next person could read it. */
const kept = () => JSON.stringify([...stored]);

test("a user who entered nothing leaves nothing to ask about", () => {
  expect(hasUserData("ann")).toBe(false);
  drafts.change({ duration: 5 });
  expect(hasUserData("ann")).toBe(false);
});

test.each([
  ["a prompt", () => drafts.change({ prompt: SECRET })],
  ["an image", () => drafts.change({ image: { id: "ann/1", width: 200, height: 200 } })],
  ["an address", () => drafts.change({ imageUrl: "https://example.com/ann.jpg" })],
  [
    "an earlier order",
    () => {
      clicks.click.value = clicks.newClick("ann", aDraft({ prompt: SECRET }), 0);
      clicks.markSeen(aVideo(), 0);
    },
  ],
])("%s is worth asking about, for its own user only", (_, act) => {
  act();

  expect(hasUserData("ann")).toBe(true);
  expect(hasUserData("bob")).toBe(false);
});

test("this tab's draft is worth asking about, even if another tab has written a newer one", () => {
  drafts.change({ prompt: SECRET });
  stored.set("reelay.draft.ann", JSON.stringify(aDraft({ prompt: "", image: null })));

  expect(hasUserData("ann")).toBe(true);
});

test("a removed image isn't worth asking about, and is deleted at sign-out", async () => {
  drafts.change({ duration: 5 });
  await keepBlob("ann", "ann/1", new Blob(["her image"]), []);
  expect(hasUserData("ann")).toBe(false);

  await deleteBlobs("ann");

  expect(await readBlob("ann/1")).toBeNull();
  expect(drafts.draft.value.duration).toBe(5);
});

test("erasing removes all of the user's data, and no one else's", async () => {
  drafts.switchUser("bob");
  drafts.change({ prompt: "Bob's" });
  drafts.switchUser("ann");
  drafts.change({ prompt: SECRET });
  clicks.click.value = clicks.newClick("ann", aDraft({ prompt: SECRET }), 0);
  clicks.markSeen(aVideo(), 0);
  await keepBlob("ann", "ann/1", new Blob(["her image"]), []);

  await eraseUserData("ann");

  expect(kept()).not.toContain(SECRET);
  expect(kept()).toContain("Bob's");
  expect(await readBlob("ann/1")).toBeNull();
  // Later changes are not saved.
  drafts.change({ prompt: SECRET });
  expect(kept()).not.toContain(SECRET);
});

test("a pending click is not resent after it has been erased", async () => {
  const sent: string[] = [];
  const createVideo = async (_: unknown, key: string) => {
    sent.push(key);
    return aVideo();
  };
  const api = { createVideo, user: "ann" } as never;
  const waiting = clicks.newClick("ann", aDraft({ image: null }), 0);
  const made = clicks.sendClick(api, waiting);

  await eraseUserData("ann");

  expect(await made).toBeNull();
  clicks.switchUser("ann", 1);
  expect(clicks.click.value).toBeNull();
});

/** Another tab in which Ann is signed in: it shares only `localStorage`. */
async function anotherTab() {
  const own = aStorage(new Map());
  vi.stubGlobal("sessionStorage", own);
  let onStorage = (_: { key: string }) => {};
  vi.stubGlobal("addEventListener", (type: string, listener: typeof onStorage) => {
    if (type === "storage") onStorage = listener;
  });
  vi.resetModules();
  await import("../src/make/user-data");
  const clicks = await import("../src/make/click");
  const drafts = await import("../src/make/draft");
  clicks.switchUser("ann", 0);
  drafts.switchUser("ann");
  vi.stubGlobal("sessionStorage", aStorage(stored));
  return { own, clicks, drafts, storageEvent: (key: string) => onStorage({ key }) };
}

const never = { createVideo: () => new Promise(() => {}), user: "ann" } as never;

test("erasing in one tab also clears another tab's draft and pending click", async () => {
  const other = await anotherTab();
  other.drafts.change({ prompt: SECRET });
  const waiting = clicks.newClick("ann", aDraft({ prompt: SECRET, image: null }), 0);
  void other.clicks.sendClick(never, waiting);

  await eraseUserData("ann");
  other.storageEvent("reelay.erased.ann");

  expect(other.clicks.click.value).toBeNull();
  expect(other.drafts.draft.value.prompt).toBe("");
  other.drafts.change({ prompt: SECRET });
  expect(kept()).not.toContain(SECRET);
});

test("a tab that was closed during the erasure does not send its click either", async () => {
  const { own, clicks: others } = await anotherTab();
  const waiting = clicks.newClick("ann", aDraft({ image: null }), Date.now() - 1);
  own.setItem("reelay.click.ann", JSON.stringify(waiting));

  await eraseUserData("ann");

  vi.stubGlobal("sessionStorage", own);
  others.switchUser("ann", Date.now());
  expect(others.click.value).toBeNull();
});

test("erasing removes what a closed tab was sending", async () => {
  const other = await anotherTab();
  const sent = clicks.newClick("ann", aDraft({ prompt: SECRET, image: null }), 0);
  void other.clicks.sendClick(never, sent);
  await vi.waitUntil(() => stored.get("reelay.sent.ann")?.includes('"body":{'));
  expect(hasUserData("ann")).toBe(true);

  await eraseUserData("ann");

  expect(kept()).not.toContain(SECRET);
  expect(hasUserData("ann")).toBe(false);
});

test("another user's erasure doesn't affect this user's draft", async () => {
  const other = await anotherTab();
  other.drafts.change({ prompt: SECRET });

  other.storageEvent("reelay.erased.bob");

  expect(other.drafts.draft.value.prompt).toBe(SECRET);
});
