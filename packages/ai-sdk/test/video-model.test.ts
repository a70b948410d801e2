/** Tests the package with the real AI SDK against a running stack: REELAY_BASE_URL, REELAY_API_KEY. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  experimental_generateVideo as generateVideo,
  experimental_getVideoStatus as getVideoStatus,
  experimental_startVideo as startVideo,
} from "ai";

import { createReelay, reelay } from "../src/index.ts";

const image = new Uint8Array(readFileSync(process.env["REELAY_TEST_IMAGE"]!));
const poll = { intervalMs: 500, timeoutMs: 180_000 };
globalThis.AI_SDK_LOG_WARNINGS = false;

// The AI SDK's own download rejects addresses of this machine.
async function download({ url }: { url: URL }) {
  const response = await fetch(url);
  assert.ok(response.ok);
  return { data: new Uint8Array(await response.arrayBuffer()), mediaType: undefined };
}

async function hasEnded(prompt: string): Promise<boolean> {
  return (await listVideos()).some((video) => video.prompt === prompt && video.status !== "processing");
}

async function jobIds(prompt: string): Promise<string[]> {
  return (await listVideos()).filter((video) => video.prompt === prompt).map((video) => video.job_id);
}

async function listVideos() {
  const response = await fetch(`${process.env["REELAY_BASE_URL"]}/v1/videos?limit=100`, {
    headers: { Authorization: `Bearer ${process.env["REELAY_API_KEY"]}` },
  });
  const { videos } = (await response.json()) as { videos: { prompt: string; job_id: string; status: string }[] };
  return videos;
}

function unique(prompt: string): string {
  return `${prompt}, ${crypto.randomUUID()}`;
}

/** A `fetch` that loses the response to the first POST of a video. */
function losingTheFirstResponse() {
  const starts: { key: string | null; body: string }[] = [];
  const losing: typeof globalThis.fetch = async (url, init) => {
    const response = await fetch(url, init);
    if (!String(url).endsWith("/v1/videos") || init?.method !== "POST") return response;
    starts.push({ key: new Headers(init.headers).get("Idempotency-Key"), body: String(init.body) });
    if (starts.length > 1) return response;
    throw new TypeError("fetch failed", { cause: Object.assign(new Error("reset"), { code: "ECONNRESET" }) });
  };
  return { starts, losing };
}

test("an image and a prompt become an MP4", async () => {
  const prompt = { image, text: unique("The raccoon looks up") };

  const { video, providerMetadata } = await generateVideo({
    model: reelay.video("auto"),
    prompt,
    duration: 5,
    resolution: "1280x720",
    poll,
    download,
  });

  assert.equal(video.mediaType, "video/mp4");
  assert.equal(Buffer.from(video.uint8Array.subarray(4, 8)).toString(), "ftyp");
  const [made] = providerMetadata["reelay"]!["videos"] as [{ job_id: string; delivered: { width: number } }];
  assert.deepEqual(await jobIds(prompt.text), [made.job_id]);
  assert.equal(made.delivered.width, 1280);
});

test("a webhook ends the wait, but the status is read from the API", async () => {
  const sent: { path: string; body: string | undefined }[] = [];
  const watching: typeof globalThis.fetch = (url, init) => {
    sent.push({ path: new URL(String(url)).pathname, body: init?.body as string | undefined });
    return fetch(url, init);
  };
  const text = unique("The raccoon sits down");
  const received = (async () => {
    while (!(await hasEnded(text))) await new Promise((resolve) => setTimeout(resolve, 500));
    return { headers: {}, body: { type: "video.failed", data: "not to be believed" } };
  })();

  const { video, providerMetadata } = await generateVideo({
    model: createReelay({ fetch: watching }).video("auto"),
    prompt: text,
    webhook: async () => ({ url: "https://example.com/hook", received }),
    poll,
    download,
  });

  assert.equal(video.mediaType, "video/mp4");
  const [start, ...status] = sent;
  assert.equal(JSON.parse(start!.body!).webhook_url, "https://example.com/hook");
  assert.equal(status.length, 1);
  const [made] = providerMetadata["reelay"]!["videos"] as [{ poster_url: string; generated_by: { vendor: string } }];
  assert.equal(made.generated_by.vendor, "vertex");
  assert.ok((await fetch(made.poster_url)).ok);
});

test("a start whose response is lost creates one job, even with an uploaded image", async () => {
  const { starts, losing } = losingTheFirstResponse();
  const text = unique("The raccoon waves");

  const started = await startVideo({ model: createReelay({ fetch: losing }).video("auto"), prompt: { image, text } });

  assert.equal(starts.length, 2);
  assert.deepEqual(starts[0], starts[1]);
  assert.match(starts[0]!.key!, /^aisdk_vid_/);
  assert.deepEqual([started.operation], (await jobIds(text)).map((job_id) => ({ job_id })));
});

test("an operation stored as JSON can be polled by another process", async () => {
  const { operation } = await startVideo({ model: reelay("auto"), prompt: { image, text: unique("It turns") } });
  const stored = JSON.parse(JSON.stringify(operation));

  const model = createReelay().video("auto");
  let status = await getVideoStatus(model, { operation: stored });
  while (status.status === "pending") {
    await new Promise((resolve) => setTimeout(resolve, 500));
    status = await getVideoStatus(model, { operation: stored });
  }

  assert.ok(status.status === "completed" && status.videos[0]?.type === "url");
  assert.ok((await fetch(status.videos[0].url)).ok);
});

test("two videos are two jobs, each with its own image", async () => {
  const text = unique("It jumps");

  const { videos } = await generateVideo({ model: reelay("auto"), prompt: { image, text }, n: 2, poll, download });

  assert.deepEqual([videos.length, (await jobIds(text)).length], [2, 2]);
});

test("a video from a first to a last frame is made by Veo, which alone accepts both", async () => {
  const frameImages = [
    { image, frameType: "first_frame" as const },
    { image, frameType: "last_frame" as const },
  ];

  const { providerMetadata } = await generateVideo({
    model: reelay("auto"),
    prompt: unique("It turns round"),
    frameImages,
    aspectRatio: "adaptive",
    poll,
    download,
  });

  const [made] = providerMetadata["reelay"]!["videos"] as [{ ai_model: string }];
  assert.equal(made.ai_model, "gemini-veo-3.1", "the only provider in the chain that accepts a last frame");
});

test("a prompt alone becomes a video", async () => {
  const { video } = await generateVideo({ model: reelay("auto"), prompt: unique("A raccoon"), poll, download });

  assert.equal(video.mediaType, "video/mp4");
});

test("a job that fails says why", async () => {
  const failing = generateVideo({
    model: reelay("auto"),
    prompt: unique("It sleeps"),
    providerOptions: { reelay: { image: "missing" } },
    poll,
  });

  await assert.rejects(failing, /image could not be fetched/);
});

test("a rejected request names its invalid fields and is not retried", async () => {
  const sent: string[] = [];
  const counting: typeof globalThis.fetch = (url, init) => {
    sent.push(String(url));
    return fetch(url, init);
  };
  const { video } = createReelay({ fetch: counting });

  const prompt = { image: "https://example.com/raccoon.jpg", text: "It runs" };
  const start = startVideo({ model: video("auto"), prompt, duration: 99 });

  await assert.rejects(start, /duration: must be from 3 to 10/);
  assert.equal(sent.length, 1);
});
