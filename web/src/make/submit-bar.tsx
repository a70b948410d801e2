// The button with the price, and why no video would be made.

import type { Estimate } from "../api";
import { money } from "../format";
import { language, t, textOf } from "../i18n";
import { change } from "./draft";
import { errorsOf, FieldError } from "./errors-view";
import { longestFit, reasonOf, remainingUnderCaps, resetOf } from "./limits";
import { MODEL_CHOICE } from "./offers";
import { NAMES } from "./stage";
import type { Studio } from "./studio";

export function SubmitBar({ studio }: { studio: Studio }) {
  const { isPriceOld, isMaking, isReading } = studio;
  const problem = studio.priceProblem.value;
  const price = studio.shownPrice.value;
  const obstacle = studio.obstacle.value;
  const hasNoProvider = obstacle === "noProvider" || obstacle === "noProviderNow";
  const reason = price && obstacle && textOf(reasonOf(price, obstacle));
  const isRange = price && isRangeOf(price);
  const isBusy = isMaking.value || isReading.value;
  return (
    <div class="order">
      <div class="order-bar">
        <FieldError studio={studio} place="order" also={studio.outage.value} />
        <div class="obstacle" id="obstacle">
          {problem && !studio.isTyping.value && <StageErrors studio={studio} />}
          {reason && obstacle !== "cap" && <p class="bad">{reason}</p>}
          {reason && obstacle === "cap" && <OverCap studio={studio} reason={reason} />}
        </div>
        <button
          type="submit"
          class="main make-button"
          // Unlike with `disabled`, it keeps the focus; `make` then does nothing.
          aria-disabled={studio.isBlocked.value}
          aria-describedby="prompt-error order-error obstacle"
        >
          <span>{t(labelOf(studio))}</span>
          {!price && !problem && <span aria-hidden="true">…</span>}
          {price && !hasNoProvider && !isBusy && (
            <span class={isPriceOld.value ? "price old" : "price"}>
              {priceText(price)}
            </span>
          )}
        </button>
      </div>
      <div class="small-print">
        <p class="muted">
          {isRange && !hasNoProvider && `${t("priceMost", price.max_cost_usd)} `}
          <RemainingBudget studio={studio} />
        </p>
        <p class="muted">{t("aiNotice")}</p>
      </div>
    </div>
  );
}

/** Why the button is disabled, if the stage, which may be out of sight, is where it is said. */
function StageErrors({ studio }: { studio: Studio }) {
  const text = errorsOf(studio, "image").map(textOf).join(" ");
  return text ? <p class="bad">{text}</p> : null;
}

/** A translation's fraction of a cent isn't shown as a range. */
function isRangeOf({ estimated_cost_usd, max_cost_usd }: Estimate): boolean {
  return money(max_cost_usd) !== money(estimated_cost_usd);
}

export function priceText(price: Estimate): string {
  return isRangeOf(price)
    ? t("priceRange", price.estimated_cost_usd, price.max_cost_usd)
    : t("price", price.estimated_cost_usd);
}

function labelOf({ isPricing, isMaking, isReading, ...studio }: Studio) {
  if (isPricing.value) return "checkingPrice";
  if (isMaking.value) return "making";
  if (isReading.value) return "readingImage";
  const hasAnswer = studio.estimate.value || studio.priceProblem.value || studio.outage.value;
  return hasAnswer ? "makeVideo" : "checkingPrice";
}

function RemainingBudget({ studio }: { studio: Studio }) {
  const remaining = studio.usage.value && remainingUnderCaps(studio.usage.value);
  return remaining ? <>{t("leftOfCap", remaining.leftUsd, remaining.period)}</> : null;
}

/** When the cap resets, and the settings that still fit; without usage figures, `reason` alone. */
function OverCap({ studio, reason }: { studio: Studio; reason: string }) {
  const usage = studio.usage.value;
  const remaining = usage && remainingUnderCaps(usage);
  if (!usage || !remaining) return <p class="bad">{reason}</p>;
  const reset = resetOf(remaining.period, new Date(), usage.time_zone);
  const shown = new Intl.DateTimeFormat(language.value, {
    month: "long",
    day: "numeric",
    hour: "numeric",
    minute: "2-digit",
    // "오전 12:00" could be midnight or noon.
    hourCycle: "h23",
  }).format(reset);
  const fit = longestFit(studio.fit.value, studio.models.value, Number(remaining.leftUsd));
  const take = () => {
    const model = fit && MODEL_CHOICE[fit.model];
    if (model) change({ model, duration: fit.duration });
  };
  return (
    <div class="over-cap" role="status">
      <p class="bad">{t("overCap", remaining.leftUsd, shown)}</p>
      {fit && (
        <button type="button" onClick={take}>
          {t("fits", NAMES[fit.model], fit.duration, fit.usd)}
        </button>
      )}
    </div>
  );
}
