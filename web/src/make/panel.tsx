// The few choices, and the button with the price.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { money } from "../format";
import { language, list, t } from "../i18n";
import { change, draft, type ModelChoice, type PickedImage } from "./draft";
import { fitOf, resetOf, roomOf } from "./limits";
import { choicesOf, MODEL_CHOICE } from "./offers";
import { NAMES, SHORT } from "./stage";
import { FileButton } from "./stage-view";
import type { Studio } from "./studio";
import { Trouble, troublesOf } from "./trouble-view";
import { useBlobUrl } from "./use-blob-url";

export function Panel({ studio }: { studio: Studio }) {
  const make = (event: Event) => {
    event.preventDefault();
    void studio.make();
  };
  return (
    <form class="panel" onSubmit={make} noValidate>
      <Prompt studio={studio} />
      <Translation studio={studio} />
      <Choices studio={studio} />
      <MoreChoices studio={studio} />
      <Order studio={studio} />
    </form>
  );
}

/** As high as its text. */
function useGrowing(text: string) {
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

function Prompt({ studio }: { studio: Studio }) {
  const { prompt } = draft.value;
  const most = studio.offers.value.longestPrompt;
  const length = prompt.normalize("NFC").length;
  const isLong = length > most;
  const isWrong = isLong || troublesOf(studio, "prompt").length > 0;
  const field = useGrowing(prompt);
  return (
    <div class="field">
      <label for="prompt">{t("prompt")}</label>
      <textarea
        id="prompt"
        ref={field}
        rows={3}
        placeholder={t("promptHint")}
        value={prompt}
        aria-describedby="prompt-trouble prompt-count"
        aria-invalid={isWrong}
        onInput={(event) => change({ prompt: event.currentTarget.value })}
      />
      {/* The count says this by itself. */}
      {!isLong && <Trouble studio={studio} place="prompt" />}
      <p id="prompt-count" class={`count ${isLong ? "bad" : "muted"}`}>
        {isLong ? t("tooLong", most) : t("count", length, most)}
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

function Translation({ studio }: { studio: Studio }) {
  const { prompt, english } = draft.value;
  const isTranslating = studio.isTranslating.value;
  const field = useGrowing(english?.text ?? "");
  if (!english || !prompt) {
    return (
      <p class="muted" role="status">
        {isTranslating ? `${t("translating")} …` : ""}
      </p>
    );
  }
  const isOld = english.of !== prompt;
  // Of an earlier prompt, and nobody's own words: a new one is on its way.
  if (isOld && !english.edited) return <p class="muted">{t("translating")} …</p>;
  const edit = (text: string) => change({ english: { ...english, text, edited: true } });
  return (
    <div class="english">
      <p class="muted">
        <span id="english-label">{t("englishLabel")}</span>
        {studio.app.config.simulated && <> {t("englishSimulated")}</>}
        {isOld && <> · {t("englishOutdated")}</>}
      </p>
      <textarea
        lang="en"
        ref={field}
        rows={1}
        value={english.text}
        aria-labelledby="english-label"
        onInput={(event) => edit(event.currentTarget.value)}
      />
      {english.edited && (
        <button
          type="button"
          class="plain"
          onClick={() => {
            change({ english: null });
            void studio.translateNow().catch(() => {});
          }}
        >
          {t("translateAgain")}
        </button>
      )}
    </div>
  );
}

function Choices({ studio }: { studio: Studio }) {
  const { shapes, durations } = studio.offers.value;
  const { shape, duration, model, fallback, image, imageUrl } = studio.fit.value;
  const hasImage = Boolean(image || imageUrl);
  const choices = choicesOf(studio.models.value);
  const nameOf = (choice: ModelChoice) => {
    const found = studio.models.value.find((m) => MODEL_CHOICE[m.ai_model] === choice);
    return found ? SHORT[found.ai_model] : t("automatic");
  };
  return (
    <>
      <Chips
        name="shape"
        title={t("shape")}
        of={shapes}
        chosen={shape}
        choose={(shape) => change({ shape, offset: 0.5 })}
      >
        {(one) => (
          <>
            <i class="shape-icon" data-shape={one} aria-hidden="true" />
            {t("shapeName", one, hasImage)}
          </>
        )}
      </Chips>
      <Chips
        name="duration"
        title={t("duration")}
        of={durations}
        chosen={duration}
        choose={(duration) => change({ duration })}
      >
        {String}
      </Chips>
      <Chips
        name="model"
        title={t("model")}
        of={choices}
        chosen={model}
        choose={(model) => change({ model })}
      >
        {nameOf}
      </Chips>
      {model !== "auto" && (
        <label class="check">
          <input
            type="checkbox"
            checked={fallback}
            onChange={(event) => change({ fallback: event.currentTarget.checked })}
          />
          {t("fallback")}
        </label>
      )}
    </>
  );
}

function MoreChoices({ studio }: { studio: Studio }) {
  const offers = studio.offers.value;
  const { resolution, audio, lastImage } = studio.fit.value;
  const sounds = [
    null,
    ...(offers.withSound ? [true] : []),
    ...(offers.withoutSound ? [false] : []),
  ];
  const soundName = (one: boolean | null) =>
    t(one === null ? "soundAny" : one ? "soundOn" : "soundOff");
  return (
    <details>
      <summary>{t("more")}</summary>
      <div class="more-choices">
        {offers.resolutions.length > 1 && (
          <Chips
            name="resolution"
            title={t("resolution")}
            of={offers.resolutions}
            chosen={resolution}
            choose={(resolution) => change({ resolution })}
          >
            {(one) => one}
          </Chips>
        )}
        {sounds.length > 2 && (
          <Chips
            name="sound"
            title={t("sound")}
            of={sounds}
            chosen={audio}
            choose={(audio) => change({ audio })}
          >
            {soundName}
          </Chips>
        )}
        {offers.lastImage && (
          <fieldset>
            <legend>{t("lastImage")}</legend>
            {lastImage ? (
              <LastImage image={lastImage} />
            ) : (
              <FileButton studio={studio} place="lastImage">
                {t("lastImageAdd")}
              </FileButton>
            )}
            <Trouble studio={studio} place="lastImage" />
          </fieldset>
        )}
      </div>
    </details>
  );
}

function LastImage({ image }: { image: PickedImage }) {
  const url = useBlobUrl(image.id);
  return (
    <div class="last-image">
      {url && <img src={url} alt={t("lastImage")} />}
      <button type="button" onClick={() => change({ lastImage: null })}>
        {t("lastImageRemove")}
      </button>
    </div>
  );
}

interface ChipsProps<T> {
  name: string;
  title: string;
  of: readonly T[];
  chosen: T;
  choose: (one: T) => void;
  children: (one: T) => ComponentChildren;
}

function Chips<T>({ name, title, of, chosen, choose, children }: ChipsProps<T>) {
  return (
    <fieldset>
      <legend>{title}</legend>
      <div class={`chips ${name}`}>
        {of.map((one) => (
          <label key={String(one)} class="chip">
            <input
              type="radio"
              name={name}
              class="out-of-sight"
              checked={one === chosen}
              onChange={() => choose(one)}
            />
            {children(one)}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function Order({ studio }: { studio: Studio }) {
  const { estimate, isPriceOld, isMaking } = studio;
  const problem = studio.priceProblem.value;
  const price = problem ? null : estimate.value;
  const isDear = isOverCap(studio);
  const refused = price?.refused ?? null;
  const isImpossible = !refused && (price?.links.every(({ skipped }) => skipped) ?? false);
  // A translation's fraction of a cent makes no range.
  const isRange = price && money(price.max_cost_usd) !== money(price.estimated_cost_usd);
  return (
    <div class="order">
      <div class="order-bar">
        <Trouble studio={studio} place="order" />
        {isImpossible && <p class="bad">{t("nobodyCan")}</p>}
        {refused && !isDear && <p class="bad">{refused.message}</p>}
        {isDear && <OverCap studio={studio} />}
        <button
          type="submit"
          class="main make-button"
          disabled={isMaking.value || isDear || isImpossible || !!refused || problem !== null}
        >
          <span>{t(isMaking.value ? "making" : "makeVideo")}</span>
          {!price && !problem && <span aria-hidden="true">…</span>}
          {price && !isImpossible && !isMaking.value && (
            <span class={isPriceOld.value ? "price old" : "price"}>
              {isRange
                ? t("priceRange", price.estimated_cost_usd, price.max_cost_usd)
                : t("price", price.estimated_cost_usd)}
            </span>
          )}
        </button>
      </div>
      <div class="small-print">
        <p class="muted">
          {isRange && !isImpossible && `${t("priceMost", price.max_cost_usd)} `}
          <LeftToday studio={studio} />
        </p>
        <p class="muted">{t("aiNotice")}</p>
      </div>
    </div>
  );
}

function LeftToday({ studio }: { studio: Studio }) {
  const left = studio.usage.value?.caps.daily.left_usd;
  return left ? <>{t("leftToday", left)}</> : null;
}

function isOverCap({ estimate, usage }: Studio): boolean {
  if (estimate.value?.refused) return estimate.value.refused.code === "exceeds_limit";
  const room = usage.value && roomOf(usage.value);
  const price = estimate.value?.estimated_cost_usd;
  return room && price ? Number(price) > Number(room.leftUsd) : false;
}

/** What fits, and when the limit is reset. */
function OverCap({ studio }: { studio: Studio }) {
  const usage = studio.usage.value;
  const room = usage && roomOf(usage);
  if (!usage || !room) return null;
  const reset = resetOf(room.period, new Date(), usage.time_zone);
  const shown = new Intl.DateTimeFormat(language.value, {
    ...(room.period === "monthly" && { month: "long", day: "numeric" }),
    hour: "numeric",
    minute: "2-digit",
  }).format(reset);
  const fit = fitOf(studio.fit.value, studio.models.value, Number(room.leftUsd));
  const take = () => {
    const model = fit && MODEL_CHOICE[fit.model];
    if (model) change({ model, duration: fit.duration });
  };
  return (
    <div role="status">
      <p class="bad">{t("overCap", room.leftUsd, shown)}</p>
      {fit && (
        <button type="button" onClick={take}>
          {t("fits", NAMES[fit.model], fit.duration, fit.usd)}
        </button>
      )}
    </div>
  );
}
