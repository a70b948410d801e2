import { expect, test } from "vitest";
import { draftOf, untriedModel } from "../src/make/reuse";
import { aFailedAttempt, aVideo, MODELS } from "./examples";

test("images that were uploaded for a video are in its draft, in the video's shape", () => {
  const delivered = { width: 720, height: 1280 } as never;
  const { image, lastImage } = draftOf(aVideo({ image: "a", last_image: "b", delivered }));

  expect(image).toMatchObject({ width: 720, height: 1280 });
  expect(lastImage).toMatchObject({ width: 720, height: 1280 });
});

test("a last frame from an address has to be chosen again, because the page can't name one", () => {
  const video = aVideo({ image: null, image_url: "https://a.example/1", last_image_url: "https://a.example/2" });

  expect(draftOf(video)).toMatchObject({ image: null, imageUrl: "https://a.example/1" });
  expect(draftOf(video).lastImage).not.toBeNull();
});

test("a video from text alone gets no image", () => {
  expect(draftOf(aVideo({ image: null }))).toMatchObject({ image: null, imageUrl: "", lastImage: null });
});

test("the other provider is the first available one that was not tried, or else any", () => {
  const attempts = MODELS.map(({ ai_model }) => aFailedAttempt(ai_model, "rate_limited"));

  const runways = aVideo({ attempts: attempts.slice(0, 2) });
  expect(untriedModel(runways, MODELS)).toBe("gemini-veo-3.1");
  const withoutVeo = MODELS.map((m) => (m.ai_model === "gemini-veo-3.1" ? { ...m, available: false } : m));
  expect(untriedModel(runways, withoutVeo)).toBe("gemini-omni-flash");
  expect(untriedModel(aVideo({ attempts }), MODELS)).toBe("auto");
});
