import { expect, test } from "vitest";
import type { AiModel } from "../src/api";
import { framesOf, type Sight, usualOf, wordsOf } from "../src/make/stage";
import { aFailedAttempt, anAttempt, AT, aVideo, MODELS } from "./examples";

const later = Date.parse(AT) + 38_000;

function words(part: Parameters<typeof aVideo>[0], more: Partial<Sight> = {}) {
  const video = aVideo(part);
  return wordsOf({
    ...{ video, isCancelling: false, now: later, usual: {}, language: "ko" },
    ...more,
  });
}

test("before anybody is asked it says what is done with the image", () => {
  expect(words({}).headline).toEqual(["checkingImage"]);
  expect(words({ image: null }).headline).toEqual(["preparing"]);
});

test.each([
  ["queued", "asking"],
  ["waiting_for_provider", "inQueue"],
  ["generating", "generating"],
] as const)("an attempt in stage %s is %s", (stage, key) => {
  const found = words({ stage, attempts: [anAttempt()] });
  expect(found.headline).toEqual([key, "Runway"]);
});

test("who is at work, since when, and how long it usually takes", () => {
  const part = { stage: "generating", attempts: [anAttempt()] } as const;

  const { details } = words({ ...part, attempts: [...part.attempts] }, { usual: { runway: 80 } });

  expect(details).toEqual([
    ["elapsed", "38초"],
    ["usually", "1분 20초"],
  ]);
});

test("a hand-over says from whom, to whom and why", () => {
  const attempts = [
    aFailedAttempt("runway", "rate_limited"),
    aFailedAttempt("runway-http", "rate_limited"),
    anAttempt({ ai_model: "gemini-veo-3.1" }),
  ];

  const { headline, details } = words({ stage: "generating", attempts });

  expect(headline).toEqual(["handedOver", "Runway", "Veo", "rate_limited"]);
  expect(details[0]).toEqual(["generating", "Veo"]);
});

test("the second way to the same provider is no hand-over, nor is one after a skip", () => {
  const again = [aFailedAttempt("runway", "not_configured"), anAttempt({ ai_model: "runway-http" })];
  const skipped = { ...aFailedAttempt("runway", "not_configured"), outcome: "skipped" } as const;

  expect(words({ attempts: again }).headline[0]).toBe("asking");
  expect(
    words({ attempts: [skipped, anAttempt({ ai_model: "gemini-veo-3.1" })] }).headline,
  ).toEqual(["asking", "Veo"]);
});

test("between two attempts, while storing and while cancelling it says so", () => {
  const failed = [aFailedAttempt("runway", "provider_error")];

  expect(words({ attempts: failed }).headline).toEqual(["choosing"]);
  expect(words({ stage: "storing", attempts: [anAttempt()] }).headline).toEqual(["storing"]);
  expect(words({}, { isCancelling: true }).headline).toEqual(["cancelling"]);
});

test("the strip has a frame for each provider that was asked or still may be", () => {
  const attempts = [
    aFailedAttempt("runway", "rate_limited", "0.40"),
    { ...aFailedAttempt("runway-http", "circuit_open"), outcome: "skipped" } as const,
    anAttempt({ ai_model: "gemini-veo-3.1" }),
  ];

  const frames = framesOf(aVideo({ attempts }), MODELS);

  expect(frames.map(({ state }) => state)).toEqual([
    ...["failed", "skipped", "working", "waiting"],
  ]);
  expect(frames[0]?.note).toEqual([["reason", "rate_limited"], ["cost", 0.4]]);
  expect(frames[2]?.note).toEqual([["working"], ["cost", 3.2]]);
});

test("who needs an image is skipped in the plan's words, and only where there is none", () => {
  const attempts = [{ ...aFailedAttempt("runway", "unsupported"), outcome: "skipped" } as const];
  const note = (image: string | null) =>
    framesOf(aVideo({ attempts, image, image_url: null }), MODELS)[0]?.note;

  expect(note(null)).toEqual([["needsImage"]]);
  expect(note("upload")).toEqual([["skipped", "unsupported"]]);
});

test("who is left over was not needed for a video, and not asked for none", () => {
  const noteOf = (status: "completed" | "failed") =>
    framesOf(aVideo({ status }), MODELS).map(({ note }) => note)[0];

  expect(noteOf("completed")).toEqual([["unused"]]);
  expect(noteOf("failed")).toEqual([["unasked"]]);
});

test("a job that may not be handed over shows the chosen provider alone", () => {
  const frames = framesOf(aVideo({ model: "gemini-veo-3.1", fallback: false }), MODELS);

  expect(frames.map(({ model }) => model)).toEqual(["gemini-veo-3.1"]);
});

test("how long a provider usually takes is everybody's time for this length, or one's own", () => {
  const own = (ai_model: AiModel, median_seconds: number | null) => ({
    ...{ ai_model, median_seconds, attempts: 1, completed: 1, success_rate: 1 },
  });
  const usage = {
    providers: [own("runway", 40), own("gemini-veo-3.1", 90), own("runway-http", null)],
  };
  const everybodys: Record<string, Record<string, number>> = {
    runway: { 4: 30, 5: 35 },
    "gemini-veo-3.1": { 6: 100 },
    "gemini-omni-flash": { 5: 20 },
  };
  const models = MODELS.map((model) => ({
    ...model,
    usual_seconds: everybodys[model.ai_model] ?? {},
  }));

  // Veo makes 6 s where 5 are asked for.
  const five = { runway: 35, "gemini-veo-3.1": 100, "gemini-omni-flash": 20 };
  expect(usualOf({ duration: 5 }, models, usage)).toEqual(five);
  expect(usualOf({ duration: 8 }, models, usage)).toEqual({ runway: 40, "gemini-veo-3.1": 90 });
  expect(usualOf({ duration: 5 }, [], null)).toEqual({});
});
