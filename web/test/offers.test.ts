import { expect, test } from "vitest";
import { choicesOf, fitted, offersOf } from "../src/make/offers";
import { aDraft, MODELS } from "./examples";

const offers = (part: Parameters<typeof aDraft>[0] = {}) => offersOf(MODELS, aDraft(part));

test("what can be chosen is what some provider can do", () => {
  const { shapes, resolutions, lastImage, longestPrompt } = offers();

  expect(shapes).toEqual(["auto", "16:9", "9:16", "1:1", "4:3", "3:4", "21:9"]);
  expect(resolutions).toEqual(["720p", "1080p"]);
  expect(lastImage).toBe(true);
  expect(longestPrompt).toBe(2000);
});

test("a chosen provider offers only what it makes itself", () => {
  const runway = offers({ model: "runway" });

  expect(runway).toMatchObject({ resolutions: ["720p"], withSound: false });
  expect(runway).toMatchObject({ lastImage: false, longestPrompt: 1000 });
  expect(offers({ model: "gemini-veo-3.1" }).durations).toEqual([4, 6, 8]);
});

test("without an image only those count that make a video of text alone", () => {
  expect(offers({ image: null }).shapes).toEqual(["auto", "16:9", "9:16"]);
});

test("a provider that is not available offers nothing, unless none is", () => {
  const veo = { ...MODELS[2]!, available: false };

  expect(offersOf([MODELS[0]!, veo], aDraft()).resolutions).toEqual(["720p"]);
  expect(offersOf([veo], aDraft()).resolutions).toEqual(["720p", "1080p"]);
});

test("choices that are no longer offered become the nearest that are", () => {
  const draft = aDraft({ model: "gemini-veo-3.1", duration: 5, shape: "1:1" });

  const sent = fitted(draft, offersOf(MODELS, draft));

  expect(sent).toMatchObject({ duration: 6, shape: "auto" });
  expect(fitted({ ...draft, duration: 10 }, offersOf(MODELS, draft)).duration).toBe(8);
});

test("one provider is one choice, by however many ways it is reached", () => {
  const all = ["auto", "runway", "gemini-veo-3.1", "gemini-omni-flash"];
  expect(choicesOf(MODELS)).toEqual(all);
});
