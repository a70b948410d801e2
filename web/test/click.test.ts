import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Api, ApiProblem, type Created, Unreachable, type VideoRequest } from "../src/api";
import {
  switchUser,
  sendClick,
  click,
  forget,
  abandon,
  newClick,
  abandoned,
  markEndSeen,
  markFailed,
  markSeen,
  type Click,
  Overslept,
  recallStartedJobs,
  startedJobs,
  unseenJob,
} from "../src/make/click";
import { keepBlob } from "../src/make/blobs";
import { aDraft, aStorage, aVideo } from "./examples";

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  vi.stubGlobal("localStorage", aStorage());
  vi.stubGlobal("sessionStorage", aStorage());
  vi.stubGlobal("addEventListener", () => {});
  vi.stubGlobal("removeEventListener", () => {});
  forget();
  abandoned.value = [];
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const draft = aDraft({ image: null });
const SOON = 60_000;

/** An API whose first calls fail with these errors; the next one returns a job. */
function anApi(...errors: Error[]) {
  const sent: { key: string; body: unknown }[] = [];
  const createVideo = async (body: unknown, key: string): Promise<Created> => {
    sent.push({ key, body });
    const error = errors.shift();
    if (error) throw error;
    return { video: aVideo(), isReplayed: sent.length > 1 };
  };
  return { sent, api: { createVideo } as unknown as Api };
}

/** An API that can't be reached. */
const silent = () => anApi(...Array.from({ length: 99 }, () => new Unreachable()));

/** The module after a reload: only storage has survived. */
async function reloaded(): Promise<typeof import("../src/make/click")> {
  vi.resetModules();
  return import("../src/make/click");
}

test("a request without a response is resent with the same key and body", async () => {
  const { sent, api } = anApi(new Unreachable(), new ApiProblem(503, "unavailable", "", [], 1));

  const made = sendClick(api, newClick("ann", draft, 0));
  await vi.advanceTimersByTimeAsync(SOON);

  expect((await made)?.video.job_id).toBe(aVideo().job_id);
  expect(sent).toHaveLength(3);
  expect(new Set(sent.map((each) => JSON.stringify(each))).size).toBe(1);
});

test("a click that was sent is never built anew: another upload would be another body", async () => {
  const { sent, api } = anApi(new Unreachable());
  const body = { prompt: "a raccoon", image: "upload-1" } as VideoRequest;

  const made = sendClick(api, { ...newClick("ann", aDraft(), 0), body });
  await vi.advanceTimersByTimeAsync(SOON);

  expect(await made).not.toBeNull();
  expect(sent.map((each) => each.body)).toEqual([body, body]);
});

/** The bucket: an upload that takes no time. Once it has ended, nothing is left to abort. */
class Uploading {
  upload = {};
  status = 200;
  onload = () => {};
  onloadend = () => {};
  open(): void {}
  setRequestHeader(): void {}
  send(): void {
    queueMicrotask(() => {
      this.onload();
      this.onloadend();
    });
  }
}

test("both frames are uploaded, and the request names each at its place", async () => {
  vi.stubGlobal("XMLHttpRequest", Uploading);
  const [image, lastImage] = ["ann/first", "ann/last"].map((id) => ({ id, width: 4, height: 3 }));
  await keepBlob("ann", "ann/first", new Blob(["1"]), []);
  await keepBlob("ann", "ann/last", new Blob(["22"]), ["ann/first"]);
  const { sent, api } = anApi();
  const createUpload = async ({ size }: { size: number }) => ({ image: `${size} bytes`, headers: {} });

  const clicked = newClick("ann", aDraft({ image, lastImage }), 0);
  await sendClick({ ...api, createUpload } as unknown as Api, clicked);

  expect(sent[0]?.body).toMatchObject({ image: "1 bytes", last_image: "2 bytes" });
});

/** A connection that died without anyone being told. */
class Stalled extends Uploading {
  static aborted = new Set<Stalled>();
  send(): void {}
  abort(): void {
    Stalled.aborted.add(this);
    this.onloadend();
  }
}

test("an upload that gets no further is begun again, until the click is given up", async () => {
  vi.stubGlobal("XMLHttpRequest", Stalled);
  await keepBlob("ann", "ann/1", new Blob(["1"]), []);
  let uploads = 0;
  const createUpload = async () => ({ image: `${++uploads}`, headers: {} });
  const image = { id: "ann/1", width: 4, height: 3 };
  const made = sendClick({ createUpload } as unknown as Api, newClick("ann", aDraft({ image }), 0));

  await vi.advanceTimersByTimeAsync(119_000);
  expect([uploads, Stalled.aborted.size]).toEqual([1, 0]);
  await vi.advanceTimersByTimeAsync(3_000);
  expect([uploads, Stalled.aborted.size]).toEqual([2, 1]);

  abandon();
  expect(Stalled.aborted.size).toBe(2);
  await vi.advanceTimersByTimeAsync(SOON);
  expect([uploads, await made]).toEqual([2, null]);
});

test("without its image or its last frame, a click is not sent", async () => {
  const image = { id: "ann/lost", width: 4, height: 3 };
  for (const part of [{ image }, { image: null, lastImage: image }]) {
    const { sent, api } = anApi();
    await expect(sendClick(api, newClick("ann", aDraft(part), 0))).rejects.toThrow("lost");
    expect(sent).toEqual([]);
    forget();
  }
});

test("a resend waits as long as the API asks for, but at most 15 seconds", async () => {
  const busy = (seconds: number) => new ApiProblem(429, "too_many_requests", "", [], seconds);
  const { sent, api } = anApi(busy(10), busy(3600));
  void sendClick(api, newClick("ann", draft, 0));

  for (const [milliseconds, count] of [[9_900, 1], [200, 2], [14_800, 2], [200, 3]] as const) {
    await vi.advanceTimersByTimeAsync(milliseconds);
    expect(sent).toHaveLength(count);
  }
});

test("where storage is blocked, a reopened view still has its click", async () => {
  vi.stubGlobal("localStorage", undefined);
  vi.stubGlobal("sessionStorage", undefined);
  const given = newClick("ann", draft, 0);
  void sendClick(silent().api, given);

  switchUser("ann", 1);
  expect(click.value?.key).toBe(given.key);
  markSeen(aVideo(), 1);
  switchUser("ann", 2);

  expect(unseenJob(draft, 2)?.id).toBe(aVideo().job_id);
});

test("after a reload the click is resent unchanged, and after a much later one it is dropped", async () => {
  const given = newClick("ann", draft, 0);
  void sendClick(silent().api, given);
  await vi.advanceTimersByTimeAsync(1000);

  const page = await reloaded();
  page.switchUser("ann", SOON);
  expect(page.click.value).toMatchObject({ key: given.key, body: { prompt: draft.prompt } });

  for (const now of [3_600_000, SOON]) {
    const later = await reloaded();
    later.switchUser("ann", now);
    expect(later.click.value).toBeNull();
  }
});

test("while another user is signed in, a click is neither shown nor sent", async () => {
  const { sent, api } = silent();
  const given = newClick("ann", draft, 0);
  const made = sendClick(api, given);
  await vi.advanceTimersByTimeAsync(1000);

  switchUser("bob", SOON);
  expect(click.value).toBeNull();
  const before = sent.length;
  await vi.advanceTimersByTimeAsync(SOON);
  expect(sent).toHaveLength(before);
  expect(await made).toBeNull();

  switchUser("ann", SOON);
  expect(click.value).toMatchObject({ key: given.key, body: { prompt: draft.prompt } });
});

test("a click doesn't change another user's pending click", async () => {
  const given = newClick("ann", draft, 0);
  void sendClick(silent().api, given);
  switchUser("bob", 0);
  await sendClick(anApi().api, newClick("bob", draft, 0));
  markSeen(aVideo(), 0);

  switchUser("ann", SOON);

  expect(click.value?.key).toBe(given.key);
  expect(startedJobs.value).toEqual([]);
});

test("a reopened view gets the response to the click that is being sent", async () => {
  const { sent, api } = anApi(new Unreachable());
  const given = newClick("ann", draft, 0);
  const first = sendClick(api, given);
  switchUser("ann", 1);

  const second = sendClick(api, given);
  await vi.advanceTimersByTimeAsync(SOON);

  expect(await second).toBe(await first);
  expect(sent).toHaveLength(2);
  // Until the user has seen the response, the click stays pending.
  expect(click.value?.key).toBe(given.key);
  markSeen(aVideo(), 0);
  expect(click.value).toBeNull();
  expect(startedJobs.value).toMatchObject([{ id: aVideo().job_id, draft }]);
});

const job = (id: string, part = {}) => ({ id, at: 0, draft, isEndSeen: false, ...part });

async function start(id: string, of = draft): Promise<void> {
  await sendClick(anApi().api, newClick("ann", of, 0));
  markSeen(aVideo({ job_id: id }), 0);
}

test("a job counts as unseen until its end was seen, also after a later job and a reload", async () => {
  switchUser("ann", 0);
  const other = { ...draft, prompt: "Another" };
  await start("first");
  await start("second", other);

  const before = await reloaded();
  before.switchUser("ann", SOON);
  expect(before.unseenJob(draft, SOON)?.id).toBe("first");
  expect(before.unseenJob(other, SOON)?.id).toBe("second");
  expect(before.unseenJob({ ...draft, prompt: "New" }, SOON)).toBeNull();

  before.markEndSeen("first");
  const after = await reloaded();
  after.switchUser("ann", SOON);
  expect(after.unseenJob(draft, SOON)).toBeNull();
  expect(after.unseenJob(other, SOON)?.id).toBe("second");
});

test("a job of days ago, or of a release that didn't store when, is not asked about", () => {
  switchUser("ann", 0);
  startedJobs.value = [job("old")];
  expect(unseenJob(draft, SOON)?.id).toBe("old");
  expect(unseenJob(draft, 25 * 3_600_000)).toBeNull();

  localStorage.setItem("reelay.ordered.ann", JSON.stringify({ id: "older", draft }));
  recallStartedJobs("ann");

  expect(unseenJob(draft, SOON)).toBeNull();
});

test("seeing the end of a job leaves a later job of another tab", async () => {
  switchUser("ann", 0);
  await start("first");
  const stored = [job("later"), job("first")];
  localStorage.setItem("reelay.ordered.ann", JSON.stringify(stored));

  markEndSeen("first");

  recallStartedJobs("ann");
  expect(startedJobs.value).toEqual([job("later"), job("first", { isEndSeen: true })]);
});

test("an abandoned click resolves to null", async () => {
  const { api } = anApi(new Unreachable());
  const made = sendClick(api, newClick("ann", draft, 0));

  forget();
  await vi.advanceTimersByTimeAsync(SOON);

  expect(await made).toBeNull();
  switchUser("ann", 0);
  expect(click.value).toBeNull();
});

test("a rejected request is not resent", async () => {
  const { sent, api } = anApi(new ApiProblem(429, "daily_limit_reached", "", [], 60));

  const made = sendClick(api, newClick("ann", draft, 0));

  await expect(made).rejects.toThrow("daily_limit_reached");
  expect(sent).toHaveLength(1);
});

test("clicking again after giving up reuses the key, because the request may have arrived", async () => {
  void sendClick(silent().api, newClick("ann", draft, 0));
  await vi.advanceTimersByTimeAsync(1000);
  const given = click.value;
  abandon();

  const again = newClick("ann", draft, SOON);
  expect(again).toEqual(given);
  expect(newClick("ann", { ...draft, prompt: "Another" }, SOON).key).not.toBe(given?.key);
  expect(newClick("ann", draft, 3_600_000).key).not.toBe(given?.key);

  await sendClick(anApi().api, again);
  markSeen(aVideo(), 0);
  expect(newClick("ann", draft, SOON).key).not.toBe(given?.key);
});

test("a click that is repeated counts from then, so that its key isn't dropped while it is sent", async () => {
  void sendClick(silent().api, newClick("ann", draft, Date.now()));
  await vi.advanceTimersByTimeAsync(1000);
  const given = click.value;
  abandon();

  vi.setSystemTime(Date.now() + 14 * 60_000);
  void sendClick(silent().api, newClick("ann", draft, Date.now()));
  vi.setSystemTime(Date.now() + 2 * 60_000);
  switchUser("ann", Date.now());

  expect(given?.body).toBeTruthy();
  expect(click.value).toMatchObject({ key: given?.key, body: given?.body });
});

/** The module in another tab: only `localStorage` is shared. */
async function anotherTab(): Promise<typeof import("../src/make/click")> {
  vi.stubGlobal("sessionStorage", aStorage());
  return reloaded();
}

test("a click whose tab was closed while it was sent keeps its key, but isn't resent by itself", async () => {
  void sendClick(silent().api, newClick("ann", draft, 0));
  await vi.advanceTimersByTimeAsync(1000);
  const given = click.value;

  const page = await anotherTab();
  page.switchUser("ann", SOON);

  expect(page.click.value).toBeNull();
  expect(page.abandoned.value).toEqual([given]);
  expect(page.newClick("ann", draft, SOON)).toEqual(given);
  expect(page.newClick("bob", draft, SOON).key).not.toBe(given?.key);
  page.switchUser("ann", 15 * 60_000);
  expect(page.abandoned.value).toEqual([]);
});

test("the same click in two open tabs has one key until one of them has seen the response", async () => {
  switchUser("ann", 0);
  const page = await anotherTab();
  page.switchUser("ann", 0);
  const { api } = anApi(new Unreachable());
  const made = sendClick(api, newClick("ann", draft, 0));
  await vi.advanceTimersByTimeAsync(1);
  expect(page.newClick("ann", draft, 1)).toEqual(click.value);

  await vi.advanceTimersByTimeAsync(SOON);
  await made;
  markSeen(aVideo(), SOON);

  expect(page.newClick("ann", draft, SOON).body).toBeNull();
  page.recallStartedJobs("ann");
  expect(page.unseenJob(draft, SOON)?.id).toBe(aVideo().job_id);
});

/** Two tabs' clicks on a draft with an image; each upload ends when its `arrive` is called. */
async function uploadingInTwoTabs() {
  vi.stubGlobal("XMLHttpRequest", Uploading);
  const image = { id: "ann/1", width: 4, height: 3 };
  const clicked = aDraft({ image });
  const arrive: (() => void)[] = [];
  const { sent, api } = anApi();
  const createUpload = async () => {
    const name = `upload ${arrive.length}`;
    await new Promise<void>((resolve) => arrive.push(resolve));
    return { image: name, headers: {} };
  };
  const getVideo = async (job_id: string) => aVideo({ job_id });
  const uploading = { ...api, createUpload, getVideo } as unknown as Api;
  const other = await anotherTab();
  const { keepBlob: keep } = await import("../src/make/blobs");
  for (const store of [keepBlob, keep]) await store("ann", "ann/1", new Blob(["1"]), []);
  switchUser("ann", 0);
  other.switchUser("ann", 0);
  const first = sendClick(uploading, newClick("ann", clicked, 0));
  await vi.advanceTimersByTimeAsync(1);
  const second = other.sendClick(uploading, other.newClick("ann", clicked, 1));
  await vi.advanceTimersByTimeAsync(1);
  return { clicked, uploading, other, first, second, sent, arrive };
}

test("a click on the draft that another tab still uploads is the same request", async () => {
  const { first, second, sent, arrive } = await uploadingInTwoTabs();

  for (const uploaded of arrive.reverse()) {
    uploaded();
    await vi.advanceTimersByTimeAsync(1);
  }

  expect((await first)?.video.job_id).toBe((await second)?.video.job_id);
  expect(sent).toHaveLength(2);
  expect(sent[0]).toEqual(sent[1]);
});

test("a click whose upload ends after another tab's has been answered gets its job", async () => {
  const { first, second, sent, arrive } = await uploadingInTwoTabs();
  arrive[0]?.();
  await first;
  markSeen(aVideo({ job_id: "the first" }), 1);

  arrive[1]?.();

  expect(await second).toMatchObject({ isReplayed: true, video: { job_id: "the first" } });
  expect(sent).toHaveLength(1);
});

test("a click that is given up or whose upload is refused keeps its key: another tab may send it", async () => {
  const { clicked, uploading, other, sent, arrive } = await uploadingInTwoTabs();
  const key = click.value?.key;
  const reused = () => other.newClick("ann", clicked, 2);

  for (const end of [other.abandon, () => other.markFailed(new ApiProblem(422, "x", "", [], null))]) {
    void other.sendClick(uploading, reused());
    end();
    expect(other.abandoned.value).toEqual([]);
    expect(reused()).toMatchObject({ key, body: null });
  }

  void other.sendClick(uploading, reused());
  arrive[0]?.();
  await vi.advanceTimersByTimeAsync(1);
  other.abandon();
  expect(sent).toMatchObject([{ key }]);
  expect(reused()).toMatchObject({ key, body: sent[0]?.body });
});

test("a tab that is reloaded while it uploads sends the body of the tab that was faster", async () => {
  const { sent, arrive, second } = await uploadingInTwoTabs();
  arrive[1]?.();
  await second;

  const page = await anotherTab();
  sessionStorage.setItem("reelay.click.ann", JSON.stringify(click.value));
  page.switchUser("ann", 2);
  const resumed = page.click.value as Click;
  expect(resumed.body).toBeNull();
  const { sent: resent, api } = anApi();
  await page.sendClick(api, resumed);

  expect(resent).toEqual(sent);
});

test("a click on a draft whose job was seen in another tab is a new one", async () => {
  void sendClick(silent().api, newClick("ann", draft, 0));
  await vi.advanceTimersByTimeAsync(1000);
  const given = click.value;
  const page = await anotherTab();
  page.switchUser("ann", SOON);
  expect(page.abandoned.value).toMatchObject([{ key: given?.key }]);

  markSeen(aVideo(), SOON);
  page.recallStartedJobs("ann");

  expect(page.newClick("ann", draft, SOON).key).not.toBe(given?.key);
});

const HOURS = 3 * 3_600_000;

test("a click whose tab slept for hours isn't sent on waking, but keeps its key", async () => {
  const { sent, api } = silent();
  const made = sendClick(api, newClick("ann", draft, Date.now()));
  made.catch(abandon);
  await vi.advanceTimersByTimeAsync(1000);
  const given = click.value;
  const before = sent.length;

  vi.setSystemTime(Date.now() + HOURS);
  await vi.advanceTimersByTimeAsync(SOON);

  await expect(made).rejects.toBeInstanceOf(Overslept);
  expect(sent).toHaveLength(before);
  // The request may have arrived before.
  const again = newClick("ann", draft, Date.now());
  expect(again).toMatchObject({ key: given?.key, body: given?.body });
});

test("a click is sent if its upload took long, but not if its tab slept meanwhile", async () => {
  class Slow extends Uploading {
    static now: Slow;
    override upload = { onprogress: (_: object) => {} };
    override send(): void {
      Slow.now = this;
    }
  }
  const image = { id: "ann/1", width: 4, height: 3 };
  const createUpload = async () => ({ image: "upload", headers: {} });

  for (const [step, count] of [[SOON, 1], [HOURS, 0]] as const) {
    vi.stubGlobal("XMLHttpRequest", Slow);
    await keepBlob("ann", "ann/1", new Blob(["1"]), []);
    const { sent, api } = anApi();
    const uploading = { ...api, createUpload } as unknown as Api;
    const clicked = aDraft({ image });
    const made = sendClick(uploading, newClick("ann", clicked, Date.now()));
    made.catch(abandon);
    await vi.advanceTimersByTimeAsync(1);

    for (let part = 0; part < 20; part++) {
      vi.setSystemTime(Date.now() + step);
      Slow.now.upload.onprogress({ loaded: part, total: 20 });
    }
    Slow.now.onload();
    Slow.now.onloadend();
    await vi.advanceTimersByTimeAsync(1);

    expect(sent).toHaveLength(count);
    // Its key is kept for as long as if it had been clicked when its upload ended.
    if (count) expect(newClick("ann", clicked, Date.now()).body).toEqual(sent[0]?.body);
    forget();
  }
});

test("a click is not taken for abandoned while its own tab goes on sending it", async () => {
  void sendClick(silent().api, newClick("ann", draft, 0));
  await vi.advanceTimersByTimeAsync(1000);

  const page = await reloaded();
  page.switchUser("ann", SOON);

  expect(page.click.value?.body).toMatchObject({ prompt: draft.prompt });
  expect(page.abandoned.value).toEqual([]);
});

test("an abandoned click keeps its key, whatever else is made meanwhile", async () => {
  void sendClick(silent().api, newClick("ann", draft, 0));
  await vi.advanceTimersByTimeAsync(1000);
  const given = click.value;
  abandon();
  await start("another", { ...draft, prompt: "Another" });

  const page = await reloaded();
  page.switchUser("ann", SOON);

  expect(page.newClick("ann", draft, SOON)).toEqual(given);
});

test("a user's stale click doesn't mix up whose abandoned clicks are whose", async () => {
  vi.setSystemTime(SOON);
  switchUser("bob", 0);
  const bobs = newClick("bob", draft, SOON);
  void sendClick(silent().api, bobs);
  await vi.advanceTimersByTimeAsync(1000);
  abandon();
  vi.setSystemTime(0);
  const stale = newClick("bob", { ...draft, prompt: "Another" }, 0);
  void sendClick(silent().api, stale);
  vi.setSystemTime(SOON);
  switchUser("ann", 0);
  const anns = newClick("ann", draft, SOON);
  void sendClick(silent().api, anns);
  await vi.advanceTimersByTimeAsync(1000);
  abandon();

  switchUser("bob", 15 * 60_000);
  expect(click.value).toBeNull();
  expect(abandoned.value.map(({ key }) => key)).toEqual([bobs.key]);

  switchUser("ann", SOON);
  expect(abandoned.value.map(({ key }) => key)).toEqual([anns.key]);
});

test("after a rejected request, the next click has a new key", async () => {
  void sendClick(silent().api, newClick("ann", draft, 0));
  await vi.advanceTimersByTimeAsync(1000);
  const given = click.value;
  abandon();
  const { api } = anApi(new ApiProblem(409, "conflict", "", [], null));
  await sendClick(api, newClick("ann", draft, SOON)).catch(markFailed);

  expect(newClick("ann", draft, SOON).key).not.toBe(given?.key);
});
