// The kill switch: its three levels, what each does, and who set it, when and why.

import { type Signal, useSignal } from "@preact/signals";
import { useId, useRef } from "preact/hooks";
import type { Generation } from "../api";
import { ApiProblem } from "../api";
import type { App } from "../app-state";
import { ago } from "../format";
import { language, type Message, t, textOf } from "../i18n";

type Level = Generation["level"];
const LEVELS: readonly Level[] = ["normal", "tight", "paused"];

interface Props {
  app: App;
  generation: Signal<Generation | null>;
}

export function Switch({ app, generation }: Props) {
  const now = generation.value;
  const chosen = useSignal<Level>(now?.level ?? "normal");
  const reason = useSignal("");
  const message = useSignal<Message | null>(null);
  const isBusy = useSignal(false);
  const isMissing = useSignal(false);
  const field = useRef<HTMLInputElement>(null);
  const [group, hint] = [useId(), useId()];

  async function set(): Promise<void> {
    const [level, why] = [chosen.value, reason.value];
    isMissing.value = !why.trim();
    if (isMissing.value) return field.current?.focus();
    isBusy.value = true;
    message.value = null;
    try {
      generation.value = await app.api.setGeneration({ level, reason: why });
      message.value = ["levelSet", level];
      // Another reason may have been written meanwhile.
      if (reason.value === why) reason.value = "";
    } catch (error) {
      message.value = ["levelNotSet", error instanceof ApiProblem ? error.detail : ""];
    }
    isBusy.value = false;
  }

  if (!now) return null;
  return (
    <form
      class="switch"
      aria-labelledby={`${group}-title`}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void set();
      }}
    >
      <div class="switch-bar">
        <h2 id={`${group}-title`}>{t("switchTitle")}</h2>
        <strong class="level" data-level={now.level}>
          {t("inForce", now.level)}
        </strong>
      </div>
      <WhoSetIt generation={now} />
      <fieldset>
        <legend class="out-of-sight">{t("switchTitle")}</legend>
        {LEVELS.map((level) => (
          <label key={level}>
            <input
              type="radio"
              name={group}
              checked={chosen.value === level}
              onChange={() => (chosen.value = level)}
            />
            <strong>{t("level", level)}</strong>
            <span class="muted">{t("levelDoes", level)}</span>
          </label>
        ))}
      </fieldset>
      <label class="reason">
        {t("why")}
        <input
          ref={field}
          type="text"
          required
          aria-invalid={isMissing.value}
          maxLength={500}
          aria-describedby={hint}
          value={reason.value}
          onInput={(event) => {
            reason.value = event.currentTarget.value;
            isMissing.value = false;
          }}
        />
      </label>
      <p id={hint} class={isMissing.value ? "bad" : "muted"}>
        {t(isMissing.value ? "whyMissing" : "reasonHint")}
      </p>
      <button type="submit" class="main" disabled={isBusy.value || isSet(now, chosen.value)}>
        {t("setLevel", chosen.value)}
      </button>
      <p role="status">{message.value && textOf(message.value)}</p>
    </form>
  );
}

/** Whether setting this level would change nothing, now or when the budgets' level drops. */
function isSet({ level, by_hand }: Generation, chosen: Level): boolean {
  return level === chosen && (by_hand?.level ?? "normal") === chosen;
}

function WhoSetIt({ generation }: { generation: Generation }) {
  const set = generation.by_hand;
  if (!set) return <p class="muted">{t("notSet")}</p>;
  return (
    <blockquote>
      <p>{set.reason}</p>
      <footer class="muted">
        {t("level", set.level)} · {t("setBy", set.by, ago(set.at, Date.now(), language.value))}
      </footer>
    </blockquote>
  );
}
