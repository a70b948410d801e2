// Shows spending and videos: the user's own or, for administrators, all users'.

import { useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import type { Usage } from "../api";
import type { App } from "../app-state";
import { money, span } from "../format";
import { language, t } from "../i18n";
import { Bars, makerName, Table } from "./bars";
import { CannotLoad } from "./cannot-load";
import { Choice } from "./choice";
import { type Bar, barsOf, firstDay, heldUsd, type Measure, percent } from "./report";
import "../styles/fields.css";
import "./usage.css";

const PERIODS = [7, 30, 90] as const;

export function Charts({ app, scope }: { app: App; scope?: "all" }) {
  const days = useSignal<number>(30);
  const measure = useSignal<Measure>("cost");
  const usage = useSignal<Usage | null>(null);
  const hasFailed = useSignal(false);

  async function load(): Promise<void> {
    const period = days.value;
    const from = firstDay(period, Date.now());
    try {
      const found = await app.api.getUsage({ from, ...(scope && { scope }) });
      if (period !== days.value) return; // another one was chosen meanwhile
      usage.value = found;
      hasFailed.value = false;
    } catch {
      hasFailed.value ||= period === days.value;
    }
  }
  useLayoutEffect(() => void load(), [days.value]);

  const found = usage.value;
  const bars = found && barsOf(found, measure.value);
  return (
    <div class="charts" aria-busy={!found && !hasFailed.value}>
      {hasFailed.value && <CannotLoad again={load} />}
      {bars && (
        <>
          <div class="caps">
            <Cap name={t("today")} cap={found.caps.daily} held={heldUsd(found)} isFirst />
            <Cap name={t("thisMonth")} cap={found.caps.monthly} held={heldUsd(found)} />
          </div>
          <section aria-labelledby="chart-title">
            <div class="chart-bar">
              {/* Another period may be on its way. */}
              <h2 id="chart-title">{t("chartTitle", bars.length)}</h2>
              <Choice
                name={t("measure")}
                options={{ cost: t("spending"), videos: t("videos") }}
                chosen={measure}
              />
              <Choice
                name={t("period")}
                options={Object.fromEntries(PERIODS.map((n) => [n, t("lastDays", n)]))}
                chosen={days}
              />
            </div>
            <Period usage={found} bars={bars} measure={measure.value} />
          </section>
          <Providers providers={found.providers} />
        </>
      )}
    </div>
  );
}

interface PeriodProps {
  usage: Usage;
  bars: Bar[];
  measure: Measure;
}

function Period({ usage, bars, measure }: PeriodProps) {
  if (!usage.usage.length) return <p class="muted">{t("noUsage")}</p>;
  return (
    <>
      <Bars bars={bars} measure={measure} />
      <Table usage={usage.usage} />
    </>
  );
}

interface CapProps {
  name: string;
  cap: Usage["caps"]["daily"];
  held: number;
  isFirst?: boolean;
}

/** What was spent under one cap; the first is shown large. */
function Cap({ name, cap, held, isFirst }: CapProps) {
  const limit = cap.limit_usd === null ? null : Number(cap.limit_usd);
  const left = cap.left_usd === null ? null : money(cap.left_usd);
  return (
    <p class={isFirst ? "cap first" : "cap"}>
      <span class="cap-name">{name}</span>
      <strong>{money(cap.used_usd)}</strong>
      <span class="muted">
        {held >= 0.005 && `${t("withOpen", money(held))} · `}
        {left === null
          ? t("noLimit")
          : limit === null
            ? t("left", left)
            : t("leftOf", left, money(limit))}
      </span>
      {limit !== null && (
        <meter
          aria-label={t("capOf", name)}
          max={limit}
          high={limit * 0.8}
          value={Number(cap.used_usd)}
        />
      )}
    </p>
  );
}

function Providers({ providers }: { providers: Usage["providers"] }) {
  if (!providers.length) return null;
  return (
    <section aria-labelledby="providers-title">
      <h2 id="providers-title">{t("providersTitle")}</h2>
      <ul class="providers">
        {providers.map((one) => (
          <li key={one.ai_model}>
            <strong class="maker" data-maker={one.ai_model}>
              {makerName(one.ai_model)}
            </strong>
            <span>
              {t("providerDid", one.completed, one.attempts, percent(one.success_rate))}
            </span>
            {one.median_seconds !== null && (
              <span class="muted">
                {t("providerTook", span(one.median_seconds, language.value))}
              </span>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
