import { expect, test } from "vitest";
import { explain } from "../src/make/failure";
import { aFailedAttempt, aVideo } from "./examples";

const CHAIN = ["runway", "runway-http", "gemini-veo-3.1"] as const;

function failed(code: "prompt_refused" | "out_of_credits" | "all_providers_failed") {
  return aVideo({ status: "failed", error: { code, message: "why" } });
}

test("a refused prompt should be changed, and the cost is shown", () => {
  const found = explain({ ...failed("prompt_refused"), cost_usd: "0.40" }, CHAIN);

  expect(found).toMatchObject({ remedy: "prompt", why: ["inItsWords", "why"], costUsd: 0.4 });
});

test("if another provider helps, one that has not been tried is offered", () => {
  const attempts = [aFailedAttempt("runway", "out_of_credits")];

  const found = explain({ ...failed("out_of_credits"), attempts }, CHAIN);

  expect(found).toMatchObject({ remedy: "provider", instead: "gemini-veo-3.1" });
});

test("if every provider has been tried, the remedy is to wait", () => {
  const attempts = CHAIN.map((one) => aFailedAttempt(one, "out_of_credits"));

  const found = explain({ ...failed("out_of_credits"), attempts }, CHAIN);

  expect(found).toMatchObject({ remedy: "wait", instead: null });
});

test("if all providers failed for the same reason, it decides the remedy", () => {
  const attempts = CHAIN.map((one) => aFailedAttempt(one, "output_filtered"));

  const found = explain({ ...failed("all_providers_failed"), attempts }, CHAIN);

  expect(found).toMatchObject({ remedy: "prompt", why: ["eachFailed"] });
});

test("if they failed for different reasons, the same may be tried again", () => {
  const codes = ["output_filtered", "rate_limited"] as const;
  const attempts = codes.map((code, n) => aFailedAttempt(CHAIN[n]!, code));

  const found = explain({ ...failed("all_providers_failed"), attempts }, CHAIN);

  expect(found?.remedy).toBe("again");
});
