// The choices in the panel: shape, duration, model, and those that few users need.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n";
import { change, type ModelChoice, type PickedImage } from "./draft";
import { FieldError } from "./errors-view";
import { choicesOf, MODEL_CHOICE } from "./offers";
import { SHORT } from "./stage";
import { FileButton } from "./stage-view";
import type { Studio } from "./studio";
import { useBlobUrl } from "./use-blob-url";

export function Choices({ studio }: { studio: Studio }) {
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

export function MoreChoices({ studio }: { studio: Studio }) {
  const offers = studio.offers.value;
  const { resolution, audio, lastImage } = studio.fit.value;
  const sounds = [
    null,
    ...(offers.withSound ? [true] : []),
    ...(offers.withoutSound ? [false] : []),
  ];
  const soundName = (one: boolean | null) =>
    t(one === null ? "soundAny" : one ? "soundOn" : "soundOff");
  const box = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    // So that a last frame is never used, or missing, unseen.
    if (lastImage && box.current) box.current.open = true;
  }, [lastImage?.id]);
  return (
    <details ref={box}>
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
        {offers.lastImage && <LastFrame studio={studio} image={lastImage} />}
      </div>
    </details>
  );
}

function LastFrame({ studio, image }: { studio: Studio; image: PickedImage | null }) {
  const url = useBlobUrl(image?.id);
  const isLost = image !== null && url === null && !studio.isReading.value;
  return (
    <fieldset>
      <legend>{t("lastImage")}</legend>
      <FieldError studio={studio} place="lastImage" also={isLost ? ["lost"] : null} />
      <div class="last-image">
        {url && <img src={url} alt={t("lastImage")} />}
        {!url && (
          <FileButton studio={studio} place="lastImage">
            {t("lastImageAdd")}
          </FileButton>
        )}
        {image && (
          <button type="button" onClick={() => change({ lastImage: null })}>
            {t("lastImageRemove")}
          </button>
        )}
      </div>
    </fieldset>
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
