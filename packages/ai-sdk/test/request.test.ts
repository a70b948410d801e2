/** Tests how the AI SDK's options become Reelay's request. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { NoSuchModelError } from "@ai-sdk/provider";

import { reelay } from "../src/index.ts";
import { requestOf } from "../src/video-model.ts";

type Options = Parameters<typeof requestOf>[0];

function request(options: Partial<Options>) {
  const { body, warnings } = requestOf({ prompt: "a raccoon", providerOptions: {}, ...options } as Options);
  const kinds = warnings.map((warning) => (warning.type === "unsupported" ? warning.feature : warning.type));
  return { ...JSON.parse(JSON.stringify(body)), warnings: kinds };
}

const CASES: [Partial<Options>, Record<string, unknown>][] = [
  [{}, {}],
  [{ aspectRatio: "adaptive" }, { aspect_ratio: "auto" }],
  [{ aspectRatio: "21:9" }, { aspect_ratio: "21:9" }],
  [{ resolution: "1080x1920" }, { resolution: "1080p", aspect_ratio: "9:16" }],
  [{ resolution: "1920x1080", aspectRatio: "1:1" }, { resolution: "1080p", aspect_ratio: "1:1" }],
  [{ resolution: "640x360" }, { aspect_ratio: "16:9", warnings: ["resolution"] }],
  [{ fps: 24, inputReferences: [{ type: "url", url: "https://example.com/a.jpg" }] }, { warnings: ["fps", "inputReferences"] }],
  [{ duration: 5, seed: 7, generateAudio: false }, { duration: 5, seed: 7, audio: false }],
  [{ webhookUrl: "https://example.com/hook" }, { webhook_url: "https://example.com/hook" }],
];

for (const [options, expected] of CASES) {
  test(`options ${JSON.stringify(options)} become Reelay's fields`, () => {
    assert.deepEqual(request(options), { prompt: "a raccoon", warnings: [], ...expected });
  });
}

test("an operation of another provider is rejected before any request is sent", async () => {
  for (const operation of ["task-1", null, { id: "1" }, { job_id: 1 }]) {
    await assert.rejects(async () => reelay("auto").doStatus({ operation }), /not one that Reelay started/);
  }
});

test("the provider has only video models", () => {
  assert.throws(() => reelay.languageModel("gpt"), NoSuchModelError);
});
