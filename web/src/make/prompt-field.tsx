// The prompt, and its translation for review.

import { useEffect, useRef } from "preact/hooks";
import { list, t } from "../i18n";
import { change, draft } from "./draft";
import { errorsOf, FieldError } from "./errors-view";
import type { Studio } from "./studio";

/** A text field that grows with its text. */
function useAutoGrow(text: string) {
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    const grow = () => {
      const area = field.current;
      if (!area) return;
      area.style.height = "auto";
      const border = area.offsetHeight - area.clientHeight;
      area.style.height = `${area.scrollHeight + border}px`;
    };
    grow();
    addEventListener("resize", grow);
    return () => removeEventListener("resize", grow);
  }, [text]);
  return field;
}

export function Prompt({ studio }: { studio: Studio }) {
  const { prompt } = draft.value;
  const max = studio.offers.value.maxPromptLength;
  const length = prompt.normalize("NFC").length;
  const isTooLong = length > max;
  const isWrong = isTooLong || errorsOf(studio, "prompt").length > 0;
  const field = useAutoGrow(prompt);
  return (
    <div class="field">
      <label for="prompt">{t("prompt")}</label>
      <textarea
        id="prompt"
        ref={field}
        rows={3}
        placeholder={t("promptHint")}
        value={prompt}
        aria-describedby="prompt-error prompt-count"
        aria-invalid={isWrong}
        onInput={(event) => {
          const prompt = event.currentTarget.value;
          // Emptying the prompt also discards its translation, even an edited one.
          change({ prompt, ...(!prompt.trim() && { english: null }) });
        }}
      />
      {/* If the prompt is too long, the count says so. */}
      {!isTooLong && <FieldError studio={studio} place="prompt" />}
      <p id="prompt-count" class={`count ${isTooLong ? "bad" : "muted"}`}>
        {isTooLong ? t("tooLong", length, max) : t("count", length, max)}
      </p>
      {!prompt && <Examples />}
    </div>
  );
}

function Examples() {
  return (
    <div class="examples">
      <span class="muted">{t("examplesTitle")}</span>
      {list("examples").map((example) => (
        <button key={example} type="button" onClick={() => change({ prompt: example })}>
          {example}
        </button>
      ))}
    </div>
  );
}

export function Translation({ studio }: { studio: Studio }) {
  const { prompt, english } = draft.value;
  const isTranslating = studio.isTranslating.value;
  const field = useAutoGrow(english?.text ?? "");
  const isOld = english?.of !== prompt;
  // An unedited translation of an earlier prompt is about to be replaced. It stays until then,
  // so that nothing below it moves while the user is writing.
  const isReplaced = isOld && !english?.edited;
  if (!english || !prompt || (isReplaced && !isTranslating)) {
    return (
      <p class="muted" role="status">
        {isTranslating ? `${t("translating")} …` : ""}
      </p>
    );
  }
  const edit = (text: string) => change({ english: { ...english, text, edited: true } });
  return (
    <div class={isReplaced ? "english old" : "english"}>
      <p class="muted">
        <span id="english-label">
          {isReplaced ? `${t("translating")} …` : t("englishLabel")}
        </span>
        {studio.app.config.simulated && <> {t("englishSimulated")}</>}
        {isOld && english.edited && <> · {t("englishOutdated")}</>}
      </p>
      <textarea
        lang="en"
        ref={field}
        rows={1}
        readOnly={isReplaced}
        value={english.text}
        aria-labelledby="english-label"
        onInput={(event) => edit(event.currentTarget.value)}
      />
      {english.edited && (
        <button
          type="button"
          class="plain"
          onClick={() => {
            // As the translation of no prompt, it stays until another one replaces it.
            change({ english: { ...english, of: "", edited: false } });
            // This button disappears.
            field.current?.focus();
            void studio.translateNow().catch(() => {});
          }}
        >
          {t("translateAgain")}
        </button>
      )}
    </div>
  );
}
