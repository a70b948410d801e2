// Translates the prompt for review as the user writes it.

import { computed, effect, signal } from "@preact/signals";
import type { Api } from "../api";
import { debounced } from "./debounced";
import { change, draft } from "./draft";
import { isForeign } from "./request";

const TRANSLATE_AFTER_MS = 900;

export function openTranslation(api: Api) {
  const isTranslating = signal(false);
  const prompt = computed(() => draft.value.prompt);

  async function translateNow(signal?: AbortSignal): Promise<void> {
    const { prompt } = draft.value;
    isTranslating.value = true;
    try {
      const made = await api.translatePrompt(prompt, signal);
      const { prompt: now, english } = draft.value;
      // Meanwhile another prompt, or English of the user's own, may have been written.
      if (made.translated && now === prompt && !english?.edited) {
        change({ english: { of: prompt, text: made.prompt, edited: false } });
      }
    } finally {
      // A later translation may already be awaited.
      if (!signal?.aborted) isTranslating.value = false;
    }
  }

  const translate = debounced(TRANSLATE_AFTER_MS, translateNow);

  /** Translates the prompt after a pause, unless its translation is known. */
  function translateSoon(): void {
    const { prompt, english } = draft.peek();
    const isKnown = english !== null && (english.edited || english.of === prompt);
    isTranslating.value = isForeign(prompt) && !isKnown;
    if (isTranslating.peek()) translate();
    else translate.stop();
  }
  const stop = effect(() => {
    prompt.value;
    translateSoon();
  });

  function close(): void {
    stop();
    translate.stop();
  }

  return { isTranslating, translateNow, translateSoon, close };
}
