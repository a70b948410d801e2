import { expect, test } from "vitest";
import { explain } from "../src/make/failure";
import { aFailedAttempt, aVideo } from "./examples";

const CHAIN = ["runway", "runway-http", "gemini-veo-3.1"] as const;

function failed(code: "prompt_refused" | "out_of_credits" | "all_providers_failed") {
  return aVideo({ status: "failed", error: { code, message: "why" } });
}

test("a refused prompt is changed, and what it cost is said", () => {
  const found = explain({ ...failed("prompt_refused"), cost_usd: "0.40" }, CHAIN);

  expect(found).toMatchObject({ remedy: "prompt", why: ["inItsWords", "why"], costUsd: 0.4 });
});

test("where another provider helps it is one that was not asked", () => {
  const attempts = [aFailedAttempt("runway", "out_of_credits")];

  const found = explain({ ...failed("out_of_credits"), attempts }, CHAIN);

  expect(found).toMatchObject({ remedy: "provider", instead: "gemini-veo-3.1" });
});

test("where none is left one has to wait", () => {
  const attempts = CHAIN.map((one) => aFailedAttempt(one, "out_of_credits"));

  const found = explain({ ...failed("out_of_credits"), attempts }, CHAIN);

  expect(found).toMatchObject({ remedy: "wait", instead: null });
});

test("if all failed for one reason, that one says what helps", () => {
  const attempts = CHAIN.map((one) => aFailedAttempt(one, "output_filtered"));

  const found = explain({ ...failed("all_providers_failed"), attempts }, CHAIN);

  expect(found).toMatchObject({ remedy: "prompt", why: ["eachFailed"] });
});
