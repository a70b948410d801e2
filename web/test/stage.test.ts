import { expect, test } from "vitest";
import type { AiModel, Attempt } from "../src/api";
import { costOfCancel, framesOf, type StageInput, stageTextOf, storingOf, usualOf } from "../src/make/stage";
import { aFailedAttempt, anAttempt, AT, aVideo, MODELS } from "./examples";

const later = Date.parse(AT) + 38_000;
const MINUTE = 60_000;

function words(part: Parameters<typeof aVideo>[0], more: Partial<StageInput> = {}) {
  const video = aVideo(part);
  return stageTextOf({
    ...{ video, models: MODELS, isCancelling: false, storingSince: null, now: later, usual: {}, language: "ko" },
    ...more,
  });
}

test("before the first attempt, the headline says what happens with the image", () => {
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

test("a running attempt shows its provider, the elapsed and the usual time", () => {
  const part = { stage: "generating", attempts: [anAttempt()] } as const;

  const { details } = words({ ...part, attempts: [...part.attempts] }, { usual: { runway: 80 } });

  expect(details).toEqual([
    ["elapsed", "38초"],
    ["usually", "1분 20초"],
  ]);
});

test("a fallback names both providers and the reason", () => {
  const attempts = [
    aFailedAttempt("runway", "rate_limited"),
    aFailedAttempt("runway-http", "rate_limited"),
    anAttempt({ ai_model: "gemini-veo-3.1" }),
  ];

  const { headline, details } = words({ stage: "generating", attempts });

  expect(headline).toEqual(["handedOver", "Runway", "Veo", "rate_limited"]);
  expect(details[0]).toEqual(["generating", "Veo"]);
});

test("neither Runway's second provider nor a skipped one counts as a fallback", () => {
  const again = [aFailedAttempt("runway", "not_configured"), anAttempt({ ai_model: "runway-http" })];
  const skipped = { ...aFailedAttempt("runway", "not_configured"), outcome: "skipped" } as const;

  expect(words({ attempts: again }).headline[0]).toBe("asking");
  expect(
    words({ attempts: [skipped, anAttempt({ ai_model: "gemini-veo-3.1" })] }).headline,
  ).toEqual(["asking", "Veo"]);
});

test("the headline covers the time between attempts, storing and cancelling", () => {
  const failed = [aFailedAttempt("runway", "provider_error")];

  expect(words({ attempts: failed }).headline).toEqual(["choosing"]);
  expect(words({ stage: "storing", attempts: [anAttempt()] }).headline).toEqual(["storing"]);
  expect(words({}, { isCancelling: true }).headline).toEqual(["cancelling"]);
});

test("a video that takes minutes to store is said to be finished, kept and tried again", () => {
  const part = { stage: "storing", attempts: [anAttempt()] } as const;
  const say = (storingSince: number, now: number) =>
    words({ ...part, attempts: [...part.attempts] }, { storingSince, now, usual: { runway: 80 } });
  const start = Date.parse(AT) + MINUTE;

  expect(say(start, start + 2 * MINUTE).headline).toEqual(["storing"]);
  expect(say(start, start + 4 * MINUTE)).toEqual({
    headline: ["storingLong", "Runway"],
    details: [["elapsed", "5분"], ["storedLater"]],
  });
});

test("a page opened during a long outage says so at once, from when the attempt began", () => {
  const opened = Date.parse(AT) + 150 * MINUTE;
  const video = { stage: "storing", attempts: [anAttempt()] } as const;
  const found = words(
    { ...video, attempts: [...video.attempts] },
    { storingSince: opened, now: opened },
  );

  expect(found.headline).toEqual(["storingLong", "Runway"]);
  expect(found.details).toContainEqual(["elapsed", "2시간 30분"]);
});

test("storing began at the earliest update that was seen, and ends with its attempt", () => {
  const at = (seconds: number) => new Date(Date.parse(AT) + seconds * 1000).toISOString();
  const storing = (seconds: number, part = {}) =>
    aVideo({ stage: "storing", updated_at: at(seconds), attempts: [anAttempt()], ...part });
  const first = storingOf(storing(10), null);

  expect(first?.since).toBe(Date.parse(at(10)));
  expect(storingOf(storing(300), first)).toEqual(first);
  expect(storingOf(storing(300, { job_id: "other" }), first)?.since).toBe(Date.parse(at(300)));
  expect(storingOf(aVideo({ stage: "generating" }), first)).toBeNull();
  expect(storingOf(undefined, first)).toBeNull();
});

test("after the last provider, the headline says that a late video is looked for", () => {
  const asked = MODELS.map(({ ai_model }) => aFailedAttempt(ai_model, "submission_unknown"));

  expect(words({ attempts: asked }).headline).toEqual(["lastLook"]);
  expect(words({ attempts: asked.slice(1) }).headline).toEqual(["choosing"]);
  expect(words({ attempts: asked.slice(2, 3), model: "gemini-veo-3.1", fallback: false }).headline)
    .toEqual(["lastLook"]);
  expect(words({ attempts: asked }, { models: [] }).headline).toEqual(["choosing"]);
});

test("cancelling is free only if nothing was spent and no attempt is running", () => {
  const of = (cost_usd: string, ...attempts: Attempt[]) =>
    costOfCancel(aVideo({ cost_usd, attempts }), MODELS);
  const running = anAttempt({ cost_usd: "0.40" });
  const unknown = aFailedAttempt("runway", "submission_unknown", "0.40");
  const veo = anAttempt({ ai_model: "gemini-veo-3.1", cost_usd: "3.20" });

  expect(of("0")).toEqual([["cancelFree"]]);
  expect(of("0.40", unknown)).toEqual([["cancelSpent", 0.4]]);
  expect(of("0.40", running)).toEqual([["cancelCost", "Runway", 0.4]]);
  expect(of("3.60", unknown, veo)).toEqual([
    ["cancelCost", "Veo", 3.2],
    ["cancelSpent", 0.4],
  ]);
});

test("a video that is being stored is paid for, whatever the question before a cancellation", () => {
  const attempts = [aFailedAttempt("runway", "submission_unknown", "0.40"), anAttempt({
    ...{ ai_model: "gemini-veo-3.1", cost_usd: "1.60" },
  })];
  const video = aVideo({ stage: "storing", attempts });

  expect(costOfCancel(video, MODELS)).toEqual([
    ["cancelStored", "Veo", 1.6],
    ["cancelSpent", 0.4],
  ]);
});

test.each([
  ["queued", "asked"],
  ["waiting_for_provider", "queued"],
  ["generating", "working"],
  ["storing", "saving"],
] as const)("in the stage %s, the strip says so, too", (stage, note) => {
  const [frame] = framesOf(aVideo({ stage, attempts: [anAttempt()] }), MODELS);

  expect(frame?.note).toEqual([[note], ["cost", 0.4]]);
});

test("the strip has a frame for each provider that was or may still be asked", () => {
  const attempts = [
    aFailedAttempt("runway", "rate_limited", "0.40"),
    { ...aFailedAttempt("runway-http", "circuit_open"), outcome: "skipped" } as const,
    anAttempt({ ai_model: "gemini-veo-3.1" }),
  ];

  const frames = framesOf(aVideo({ stage: "generating", attempts }), MODELS);

  expect(frames.map(({ state }) => state)).toEqual([
    ...["failed", "skipped", "working", "waiting"],
  ]);
  expect(frames[0]?.note).toEqual([["reason", "rate_limited"], ["cost", 0.4]]);
  expect(frames[2]?.note).toEqual([["working"], ["cost", 3.2]]);
});

test("a provider is skipped as needing an image only if the job has none", () => {
  const attempts = [{ ...aFailedAttempt("runway", "unsupported"), outcome: "skipped" } as const];
  const note = (image: string | null) =>
    framesOf(aVideo({ attempts, image, image_url: null }), MODELS)[0]?.note;

  expect(note(null)).toEqual([["needsImage"]]);
  expect(note("upload")).toEqual([["skipped", "unsupported"]]);
});

test("a provider that takes only shorter prompts is skipped for that", () => {
  const skipped = aFailedAttempt("runway", "unsupported");
  const attempts = [{ ...skipped, outcome: "skipped" } as const];
  const most = MODELS[0]?.limits.prompt ?? 0;
  const note = (length: number) =>
    framesOf(aVideo({ attempts, prompt: "x".repeat(length) }), MODELS)[0]?.note;

  expect(note(most + 1)).toEqual([["promptMax", most]]);
  expect(note(most)).toEqual([["skipped", "unsupported"]]);
});

test("a provider that takes no last frame is skipped for that", () => {
  const models = MODELS.map((model) => ({ ...model, last_image: model.ai_model !== "runway" }));
  const skipped = aFailedAttempt("runway", "unsupported");
  const attempts = [{ ...skipped, outcome: "skipped" } as const];
  const note = (last_image: string | null) =>
    framesOf(aVideo({ attempts, last_image }), models)[0]?.note;

  expect(note("upload")).toEqual([["noLastImage"]]);
  expect(note(null)).toEqual([["skipped", "unsupported"]]);
});

test("a provider skipped because its account did not answer is shown as not asked", () => {
  const skipped = aFailedAttempt("runway-http", "submission_unknown");
  const attempts = [{ ...skipped, outcome: "skipped" } as const];

  expect(framesOf(aVideo({ attempts }), MODELS)[0]?.note).toEqual([["sameAccount"]]);
});

test("remaining providers were not needed after a success, and not asked after a failure", () => {
  const noteOf = (status: "completed" | "failed") =>
    framesOf(aVideo({ status }), MODELS).map(({ note }) => note)[0];

  expect(noteOf("completed")).toEqual([["unused"]]);
  expect(noteOf("failed")).toEqual([["unasked"]]);
});

test("a job without fallback shows only the chosen provider", () => {
  const frames = framesOf(aVideo({ model: "gemini-veo-3.1", fallback: false }), MODELS);

  expect(frames.map(({ model }) => model)).toEqual(["gemini-veo-3.1"]);
});

test("the usual time is all users' for this length, or the user's own of eight or more videos", () => {
  const own = (ai_model: AiModel, median_seconds: number | null, completed: number) => ({
    ...{ ai_model, median_seconds, attempts: 9, completed, success_rate: 1 },
  });
  const usage = {
    providers: [
      ...[own("runway", 40, 8), own("gemini-veo-3.1", 90, 9)],
      ...[own("runway-http", null, 0), own("gemini-omni-flash", 30, 7)],
    ],
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

  // Veo makes 6 s if 5 are requested.
  const five = { runway: 35, "gemini-veo-3.1": 100, "gemini-omni-flash": 20 };
  expect(usualOf({ duration: 5 }, models, usage)).toEqual(five);
  expect(usualOf({ duration: 8 }, models, usage)).toEqual({ runway: 40, "gemini-veo-3.1": 90 });
  expect(usualOf({ duration: 5 }, [], null)).toEqual({});
});
