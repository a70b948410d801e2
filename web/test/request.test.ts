import { expect, test } from "vitest";
import { estimateOf, isForeign, promptOf, requestOf } from "../src/make/request";
import { aDraft, aVideo } from "./examples";

const UPLOADED = { image: "an-upload", lastImage: null };
const KOREAN = "너구리가 고개를 든다";

test("a shown translation is sent unchanged, with the original prompt in the metadata", () => {
  const english = { of: KOREAN, text: "The raccoon lifts its head", edited: false };

  const body = requestOf(aDraft({ prompt: KOREAN, english }), UPLOADED);

  expect(body).toMatchObject({ prompt: english.text, translate: "off", image: "an-upload" });
  expect(promptOf(aVideo({ ...body } as never))).toBe(KOREAN);
});

test("a translation of an earlier prompt is sent only if the user edited it", () => {
  const old = { of: "너구리", text: "The raccoon", edited: false };
  const sent = (edited: boolean) =>
    requestOf(aDraft({ prompt: KOREAN, english: { ...old, edited } }), UPLOADED);

  expect(sent(false)).toMatchObject({ prompt: KOREAN, translate: "auto" });
  expect(sent(true)).toMatchObject({ prompt: "The raccoon", translate: "off" });
});

test.each([
  ["long", "가나다".repeat(600)],
  ["with a raccoon where it is cut", `${"가".repeat(499)}🦝${"나".repeat(499)}🦝 끝`],
])("a prompt that is %s comes back whole", (_, prompt) => {
  const { pieces, video } = translated(prompt);

  // The API counts characters and rejects half a surrogate pair.
  expect(pieces.every((piece) => [...piece].length <= 500)).toBe(true);
  expect(pieces.some((piece) => /\p{Cs}/u.test(piece))).toBe(false);
  expect(promptOf(video)).toBe(prompt);
});

test("a prompt that is too long for the metadata is sent without it", () => {
  expect(translated("가".repeat(9000)).pieces).toEqual([]);
});

test("another frontend's metadata is not taken for a prompt", () => {
  const metadata = { prompt_version: "v42", prompt: "mine", prompt0: "mine" };

  expect(promptOf(aVideo({ metadata, translate: "off" }))).toBe(aVideo().prompt);
});

test("a prompt is restored from its pieces only if all are there and a translation was sent", () => {
  const { video } = translated("가".repeat(1200));
  for (const name of Object.keys(video.metadata)) {
    const { [name]: _, ...metadata } = video.metadata;
    expect(promptOf({ ...video, metadata })).toBe(video.prompt);
  }

  expect(promptOf({ ...video, translate: "auto" })).toBe(video.prompt);
});

function translated(prompt: string) {
  const english = { of: prompt, text: "ga na da", edited: false };
  const { metadata, translate } = requestOf(aDraft({ prompt, english }), UPLOADED);
  const video = aVideo({ prompt: english.text, translate, metadata: metadata ?? {} });
  return { pieces: Object.values(metadata ?? {}), video };
}

test("a request, and its estimate, has each of the draft's choices", () => {
  const choices = { duration: 4, resolution: "1080p", audio: true, fallback: false } as const;
  const draft = aDraft({ ...choices, shape: "9:16", model: "gemini-veo-3.1" });
  const fields = { ...choices, aspect_ratio: "9:16", model: "gemini-veo-3.1" };

  expect(requestOf(draft, { image: "first", lastImage: "last" })).toEqual({
    ...{ prompt: draft.prompt, translate: "auto", image: "first", last_image: "last" },
    ...fields,
  });
  expect(estimateOf(draft)).toMatchObject(fields);
});

test("a URL is sent without the spaces around it, and only if no image was uploaded", () => {
  const draft = aDraft({ image: null, imageUrl: " https://example.com/a.jpg " });

  const none = { image: null, lastImage: null };
  expect(requestOf(draft, none).image_url).toBe("https://example.com/a.jpg");
  expect(requestOf(draft, UPLOADED)).not.toHaveProperty("image_url");
});

test("a translation that the user has emptied is made anew", () => {
  const english = { of: KOREAN, text: " ", edited: true };

  const body = requestOf(aDraft({ prompt: KOREAN, english }), UPLOADED);

  expect(body).toMatchObject({ prompt: KOREAN, translate: "auto" });
});

test("letters that macOS decomposes are composed", () => {
  expect(requestOf(aDraft({ prompt: KOREAN.normalize("NFD") }), UPLOADED).prompt).toBe(KOREAN);
});

test("an estimate needs no upload and no prompt", () => {
  const asked = estimateOf(aDraft({ prompt: "" }));

  expect(asked.image).toBeTruthy();
  expect(asked.prompt).toBeTruthy();
});

test.each([
  [KOREAN, true],
  ["Le garçon court", true],
  ["The raccoon, 4K — “slow” & calm 🦝", false],
])("whether %s needs a translation: %s", (prompt, foreign) => {
  expect(isForeign(prompt)).toBe(foreign);
});
