import { expect, test } from "vitest";
import { choicesOf, fitted, offersOf } from "../src/make/offers";
import { aDraft, MODELS } from "./examples";

const offers = (part: Parameters<typeof aDraft>[0] = {}) => offersOf(MODELS, aDraft(part));

test("a choice is on offer if some provider supports it", () => {
  const { shapes, resolutions, lastImage, maxPromptLength } = offers();

  expect(shapes).toEqual(["auto", "16:9", "9:16", "1:1", "4:3", "3:4", "21:9"]);
  expect(resolutions).toEqual(["720p", "1080p"]);
  expect(lastImage).toBe(true);
  expect(maxPromptLength).toBe(2000);
});

test("a chosen provider's offers are only its own", () => {
  const runway = offers({ model: "runway" });

  expect(runway).toMatchObject({ resolutions: ["720p"], withSound: false });
  expect(runway).toMatchObject({ lastImage: false, maxPromptLength: 1000 });
  expect(offers({ model: "gemini-veo-3.1" }).durations).toEqual([4, 6, 8]);
});

test("without an image, only providers that make a video from text alone count", () => {
  expect(offers({ image: null }).shapes).toEqual(["auto", "16:9", "9:16"]);
});

test("an unavailable provider offers nothing, unless all are unavailable", () => {
  const veo = { ...MODELS[2]!, available: false };

  expect(offersOf([MODELS[0]!, veo], aDraft()).resolutions).toEqual(["720p"]);
  expect(offersOf([veo], aDraft()).resolutions).toEqual(["720p", "1080p"]);
});

test("until the providers are known, the draft's choices stay on offer", () => {
  const draft = aDraft({ duration: 5, shape: "21:9" });

  expect(fitted(draft, offersOf([], draft))).toMatchObject({ duration: 5, shape: "21:9" });
  expect(offersOf([], draft).durations).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
  expect(offersOf([], aDraft({ image: null })).shapes).toEqual(["auto"]);
});

test("choices that are no longer on offer become the nearest that are", () => {
  const draft = aDraft({ model: "gemini-veo-3.1", duration: 5, shape: "1:1" });

  const sent = fitted(draft, offersOf(MODELS, draft));

  expect(sent).toMatchObject({ duration: 6, shape: "auto" });
  expect(fitted({ ...draft, duration: 10 }, offersOf(MODELS, draft)).duration).toBe(8);
});

test("sound and a last frame that the provider can't make are not requested", () => {
  const lastImage = { id: "last", width: 4, height: 3 };
  const choices = { audio: true, lastImage };
  const sent = (model: "runway" | "gemini-veo-3.1") => {
    const draft = aDraft({ ...choices, model });
    return fitted(draft, offersOf(MODELS, draft));
  };

  expect(sent("runway")).toMatchObject({ audio: null, lastImage: null });
  expect(sent("gemini-veo-3.1")).toMatchObject(choices);
});

test("both ways to Runway are one choice", () => {
  const all = ["auto", "runway", "gemini-veo-3.1", "gemini-omni-flash"];
  expect(choicesOf(MODELS)).toEqual(all);
});
