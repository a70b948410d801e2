import { signal } from "@preact/signals";
import { beforeEach, expect, test, vi } from "vitest";
import type { App } from "../src/app-state";
import type { Video } from "../src/api";
import { aDraft, aStorage, aVideo } from "./examples";

const ID = aVideo().job_id;

beforeEach(() => {
  vi.resetModules();
  vi.stubGlobal("localStorage", aStorage());
  vi.stubGlobal("sessionStorage", aStorage());
  vi.stubGlobal("addEventListener", () => {});
  vi.stubGlobal("location", { pathname: "/", search: "" });
  vi.stubGlobal("history", { pushState: () => {} });
});

/** A page whose user has started a job; `update` is what its listener calls. */
async function aPage() {
  const clicks = await import("../src/make/click");
  const { followLastJob } = await import("../src/make/last-job");
  const { go } = await import("../src/router");
  localStorage.setItem("reelay.ordered.ann", JSON.stringify({ id: ID, draft: aDraft() }));
  clicks.switchUser("ann", 0);
  const loaded = signal<Video[]>([]);
  const video = signal<Video | null | undefined>(undefined);
  const listeners = new Map<string, (video: Video | null) => void>();
  const put = (video: Video) => void (loaded.value = [video]);
  const sources = (id: string) => ({
    listen: async (onUpdate: (video: Video | null) => void) => {
      listeners.set(id, onUpdate);
      return () => listeners.delete(id);
    },
    get: async () => null,
  });
  const stop = followLastJob({} as App, { loaded, put }, video, sources);
  const update = (video: Video | null) => listeners.get(ID)?.(video);
  return { ...clicks, go, loaded, video, listeners, update, stop };
}

test("without a list that has it, the last job is followed until it ends", async () => {
  const { lastJob, listeners, loaded, update } = await aPage();
  update(aVideo());
  expect(lastJob.value?.hasEnded).toBeUndefined();

  update(aVideo({ status: "completed" }));

  expect(lastJob.value?.hasEnded).toBe(true);
  expect(loaded.value[0]?.status).toBe("completed");
  await vi.waitFor(() => expect(listeners.size).toBe(0));
});

test("a last job that was deleted is over", async () => {
  const { lastJob, update } = await aPage();

  update(null);

  expect(lastJob.value?.hasEnded).toBe(true);
});

test("on the stage, the last job is followed there, and again once it is left", async () => {
  const { go, lastJob, listeners, video } = await aPage();
  await vi.waitFor(() => expect(listeners.size).toBe(1));
  go(`/?video=${ID}`);
  await vi.waitFor(() => expect(listeners.size).toBe(0));
  go("/");
  await vi.waitFor(() => expect(listeners.size).toBe(1));

  video.value = aVideo({ status: "failed" });

  expect(lastJob.value?.hasEnded).toBe(true);
});
