/** Tests what fails before a video is made: each image is uploaded, and each video paid for, once. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { APICallError } from "@ai-sdk/provider";

import { createReelay } from "../src/index.ts";

interface Request {
  method: string;
  url: string;
  headers: Headers;
  body: unknown;
}

const SIGNED = "https://storage.example/incoming/1?X-Goog-Signature=secret";
const JOB = { job_id: "job-1", status: "processing", stage: "queued", progress: 0, video_url: null, error: null };
const PNG = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

function json(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
}

/** The model, and the requests it sends; `respond` may replace a response, or throw. */
function aModel(respond: (request: Request, earlier: Request[]) => Response | undefined = () => undefined) {
  const sent: Request[] = [];
  const fetch: typeof globalThis.fetch = async (url, init = {}) => {
    const { method = "GET", body } = init;
    const request = { method, url: String(url), headers: new Headers(init.headers), body };
    const earlier = sent.filter((one) => one.method === method && one.url === request.url);
    sent.push(request);
    const replaced = respond(request, earlier);
    if (replaced) return replaced;
    if (method === "PUT") return new Response();
    return request.url.endsWith("/v1/uploads")
      ? json(201, { image: "upload-1", upload_url: SIGNED, headers: { "x-goog-if-generation-match": "0" } })
      : json(method === "POST" ? 202 : 200, JOB);
  };
  const model = createReelay({ baseURL: "https://api.example/", apiKey: "rk_1", fetch }).video("runway");
  const to = (path: string) => sent.filter(({ url }) => url === `https://api.example${path}`);
  return { model, sent, to };
}

function aStart(part: object = {}) {
  const image = { type: "file", data: PNG, mediaType: "image/jpeg" };
  return { prompt: "a raccoon", n: 1, image, headers: { "Idempotency-Key": "key-1" }, providerOptions: {}, ...part } as never;
}

test("an image is uploaded with its own type, and without the key of the video", async () => {
  const { model, sent, to } = aModel();

  await model.doStart(aStart());

  const [upload, put, video] = sent;
  assert.deepEqual(JSON.parse(String(upload!.body)), { content_type: "image/png", size: PNG.length });
  assert.equal(upload!.headers.get("Idempotency-Key"), null);
  assert.deepEqual([put!.url, put!.headers.get("x-goog-if-generation-match")], [SIGNED, "0"]);
  assert.equal(put!.headers.get("Authorization"), null, "the API key is not for the storage");
  assert.equal(video!.headers.get("Idempotency-Key"), "key-1");
  assert.equal(JSON.parse(String(video!.body)).image, "upload-1");
  assert.equal(to("/v1/videos").length, 1);
});

test("a retry after a lost response uploads nothing again and sends the same", async () => {
  const { model, sent, to } = aModel(({ url }, earlier) => {
    if (url.endsWith("/v1/videos") && !earlier.length) throw new TypeError("fetch failed");
  });
  const options = aStart();

  await assert.rejects(model.doStart(options));
  await model.doStart(options);

  const [first, second] = to("/v1/videos");
  assert.equal(first!.body, second!.body);
  assert.equal(sent.filter(({ method }) => method === "PUT").length, 1);
});

test("a failed upload requests no video, tells no secret, and is repeated by a retry", async () => {
  const { model, to } = aModel(({ method }, earlier) => {
    if (method === "PUT" && !earlier.length) throw new TypeError("fetch failed");
  });
  const options = aStart();

  const error = await model.doStart(options).catch((error: unknown) => error);

  assert.ok(APICallError.isInstance(error) && error.isRetryable);
  assert.doesNotMatch(JSON.stringify([error.message, error.url]), /secret/);
  assert.equal(to("/v1/videos").length, 0);
  await model.doStart(options);
  assert.equal(to("/v1/videos").length, 1);
});

test("an upload that the storage refuses requests no video", async () => {
  const { model, to } = aModel(({ method }) => (method === "PUT" ? new Response("", { status: 403 }) : undefined));

  await assert.rejects(model.doStart(aStart()), /image could not be uploaded/);

  assert.equal(to("/v1/videos").length, 0);
});

test("a stored operation can't name another path of the API", async () => {
  const { model, sent } = aModel();

  await model.doStatus({ operation: { job_id: "../admin?x" } });

  assert.equal(sent[0]!.url, "https://api.example/v1/videos/..%2Fadmin%3Fx");
});

const REFUSALS: [number, string, boolean][] = [
  [429, "too_many_requests", true],
  [503, "unavailable", true],
  [500, "internal", true],
  [429, "daily_limit_reached", false],
  [503, "generation_paused", false],
  [409, "conflict", false],
];

for (const [status, code, isRetryable] of REFUSALS) {
  test(`${status} ${code} is ${isRetryable ? "" : "not "}retried`, async () => {
    const { model } = aModel(() => json(status, { code, detail: "No." }));

    const error = await model.doStart(aStart({ image: undefined })).catch((error: unknown) => error);

    assert.ok(APICallError.isInstance(error));
    assert.deepEqual([error.message, error.isRetryable], ["No.", isRetryable]);
  });
}

test("a proxy's error in HTML is retried from 500 on", async () => {
  for (const [status, isRetryable] of [[502, true], [404, false]] as const) {
    const { model } = aModel(() => new Response("<html>", { status }));
    const error = await model.doStart(aStart({ image: undefined })).catch((error: unknown) => error);
    assert.equal(APICallError.isInstance(error) && error.isRetryable, isRetryable);
  }
});

test("a completed job is pending until its video has a URL, and a failed one says why and what it cost", async () => {
  const states = [
    { ...JOB, status: "completed", cost_usd: "0.40" },
    { ...JOB, status: "failed", cost_usd: "0.40", error: { code: "prompt_refused", message: "Refused." } },
  ];
  const { model } = aModel(() => json(200, states.shift()));
  const operation = { job_id: "job-1" };

  assert.equal((await model.doStatus({ operation })).status, "pending");
  const failed = await model.doStatus({ operation });
  assert.ok(failed.status === "error");
  assert.equal(failed.error, "Refused.");
  assert.equal(failed.providerMetadata?.["reelay"]?.["cost_usd"], "0.40");
});
