import { afterEach, expect, test, vi } from "vitest";
import { type Api, Unreachable } from "../src/api";
import { change, draft } from "../src/make/draft";
import { openTranslation } from "../src/make/translation";

afterEach(() => vi.useRealTimers());

test("a translation that fails is no longer awaited, until it is tried again", async () => {
  vi.useFakeTimers();
  let isDown = true;
  const translatePrompt = async (prompt: string) => {
    if (isDown) throw new Unreachable();
    return { prompt: `English of ${prompt}`, language: "ko", translated: true };
  };
  const translation = openTranslation({ translatePrompt } as unknown as Api);
  change({ prompt: "너구리" });
  expect(translation.isTranslating.value).toBe(true);
  await vi.advanceTimersByTimeAsync(1000);
  expect(translation.isTranslating.value).toBe(false);
  expect(draft.value.english).toBeNull();

  isDown = false;
  translation.translateSoon();
  await vi.advanceTimersByTimeAsync(1000);

  expect(translation.isTranslating.value).toBe(false);
  expect(draft.value.english?.text).toBe("English of 너구리");
  translation.close();
});

/** Each translation arrives once the function at its place in `arrivals` is called. */
function openHeld() {
  const arrivals: (() => void)[] = [];
  const translatePrompt = async (prompt: string) => {
    await new Promise<void>((resolve) => arrivals.push(resolve));
    return { prompt: `English of ${prompt}`, language: "ko", translated: true };
  };
  return { translation: openTranslation({ translatePrompt } as unknown as Api), arrivals };
}

test("a new prompt is translated again, and an earlier one's late translation changes nothing", async () => {
  vi.useFakeTimers();
  const { translation, arrivals } = openHeld();
  change({ prompt: "여우", english: null });
  await vi.advanceTimersByTimeAsync(1000);
  change({ prompt: "여우가 달린다" });
  await vi.advanceTimersByTimeAsync(1000);

  for (const arrive of arrivals.reverse()) {
    arrive();
    await vi.advanceTimersByTimeAsync(0);
  }

  expect(draft.value.english).toMatchObject({ of: "여우가 달린다", text: "English of 여우가 달린다" });
  change({ prompt: "여우가 잔다" });
  await vi.advanceTimersByTimeAsync(1000);
  expect(arrivals).toHaveLength(3);
  translation.close();
});

test("a translation that arrives after the user has edited the English leaves it as it is", async () => {
  const { translation, arrivals } = openHeld();
  change({ prompt: "여우", english: null });
  const translated = translation.translateNow();
  const edited = { of: "여우", text: "A fox of my own", edited: true };

  change({ english: edited });
  arrivals[0]?.();
  await translated;

  expect(draft.value.english).toEqual(edited);
  translation.close();
});
