import { expect, test } from "vitest";
import { estimateOf, isForeign, promptOf, requestOf } from "../src/make/request";
import { aDraft, aVideo } from "./examples";

const UPLOADED = { image: "an-upload", lastImage: null };
const KOREAN = "너구리가 고개를 든다";

test("the English that was shown is sent as it is, beside what was written", () => {
  const english = { of: KOREAN, text: "The raccoon lifts its head", edited: false };

  const body = requestOf(aDraft({ prompt: KOREAN, english }), UPLOADED);

  expect(body).toMatchObject({ prompt: english.text, translate: "off", image: "an-upload" });
  expect(promptOf(aVideo({ ...body } as never))).toBe(KOREAN);
});

test("a translation of an earlier prompt is not sent, unless somebody edited it", () => {
  const old = { of: "너구리", text: "The raccoon", edited: false };
  const sent = (edited: boolean) =>
    requestOf(aDraft({ prompt: KOREAN, english: { ...old, edited } }), UPLOADED);

  expect(sent(false)).toMatchObject({ prompt: KOREAN, translate: "auto" });
  expect(sent(true)).toMatchObject({ prompt: "The raccoon", translate: "off" });
});

test("a prompt of any length comes back whole", () => {
  const prompt = "가나다".repeat(600);
  const english = { of: prompt, text: "ga na da", edited: false };

  const { metadata = {} } = requestOf(aDraft({ prompt, english }), UPLOADED);

  expect(Object.values(metadata).every((piece) => piece.length <= 500)).toBe(true);
  expect(promptOf({ prompt: "ga na da", metadata })).toBe(prompt);
});

test("letters that a Mac takes apart are put together", () => {
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
