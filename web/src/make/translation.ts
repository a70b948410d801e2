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
      if (made.translated && draft.value.prompt === prompt) {
        change({ english: { of: prompt, text: made.prompt, edited: false } });
      }
    } finally {
      isTranslating.value = false;
    }
  }

  const translate = debounced(TRANSLATE_AFTER_MS, translateNow);
  const stop = effect(() => {
    const written = prompt.value;
    const { english } = draft.peek();
    const isKnown = english !== null && (english.edited || english.of === written);
    if (isForeign(written) && !isKnown) translate();
    else translate.stop();
  });

  function close(): void {
    stop();
    translate.stop();
  }

  return { isTranslating, translateNow, close };
}
