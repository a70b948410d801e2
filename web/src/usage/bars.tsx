// An SVG chart with one bar per day, stacked by provider, and a table of the same figures.

import type { AiModel, Usage } from "../api";
import { money } from "../format";
import { language, t } from "../i18n";
import { NAMES } from "../make/stage";
import { type Bar, hasActivity, type Maker, type Measure, makersOf, topOf, totalOf } from "./report";

const HEIGHT = 100;
// The space between two bars, as a fraction of a day's width.
const GAP = 0.28;

export function Bars({ bars, measure }: { bars: Bar[]; measure: Measure }) {
  const top = topOf(bars, measure);
  const most = bars.reduce((one, other) => (other.total > one.total ? other : one));
  const shown = (value: number) => amount(value, measure);
  const label = t("chartLabel", shown(totalOf(bars)), dayName(most.date), shown(most.total));
  const ends = [bars[0], bars[bars.length - 1]];
  return (
    <figure class="chart">
      <div class="chart-area">
        <span class="chart-top">{shown(top)}</span>
        <svg
          role="img"
          aria-label={label}
          viewBox={`0 0 ${bars.length} ${HEIGHT}`}
          preserveAspectRatio="none"
        >
          {bars.map((bar, index) => (
            <Column key={bar.date} bar={bar} left={index} top={top} shown={shown} />
          ))}
        </svg>
      </div>
      <div class="chart-days" aria-hidden="true">
        {ends.map((bar) => bar && <span key={bar.date}>{dayName(bar.date)}</span>)}
      </div>
      <figcaption>
        {makersOf(bars, Object.keys(NAMES) as AiModel[], top).map((maker) => (
          <span key={maker} class="maker" data-maker={maker ?? "none"}>
            {makerName(maker)}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

interface ColumnProps {
  bar: Bar;
  left: number;
  top: number;
  shown: (value: number) => string;
}

function Column({ bar, left, top, shown }: ColumnProps) {
  const parts = bar.parts.map(({ maker, value }) => `${makerName(maker)} ${shown(value)}`);
  let below = HEIGHT;
  return (
    <g>
      <title>{[dayName(bar.date), ...parts].join(", ")}</title>
      <rect class="day" x={left} y={0} width={1} height={HEIGHT} />
      {bar.parts.map(({ maker, value }) => {
        const height = (value / top) * HEIGHT;
        below -= height;
        return (
          <rect
            key={maker}
            data-maker={maker ?? "none"}
            x={left + GAP / 2}
            y={below}
            width={1 - GAP}
            height={height}
          />
        );
      })}
    </g>
  );
}

export function Table({ usage }: { usage: Usage["usage"] }) {
  const heads = [t("date"), t("maker"), t("spending"), t("videos"), t("failedJobs")];
  return (
    <details class="behind">
      <summary>{t("asTable")}</summary>
      <div class="table" role="region" aria-label={t("asTable")} tabIndex={0}>
        <table>
          <thead>
            <tr>
              {heads.map((head) => (
                <th key={head} scope="col">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {usage.filter(hasActivity).toReversed().map((day) => (
              <tr key={`${day.date} ${day.ai_model}`}>
                <th scope="row">{dayName(day.date)}</th>
                <td>{day.ai_model || !day.jobs ? makerName(day.ai_model) : t("withoutProvider")}</td>
                <td>{money(day.cost_usd)}</td>
                <td>{day.completed}</td>
                <td>{day.failed}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function amount(value: number, measure: Measure): string {
  return measure === "cost" ? money(value) : t("videoCount", value);
}

export function makerName(maker: Maker): string {
  return maker ? NAMES[maker] : t("translation");
}

/** "11월 22일", "Nov 22". The API counts the days, so the browser's time zone must not shift them. */
function dayName(date: string): string {
  const words = { month: "short", day: "numeric", timeZone: "UTC" } as const;
  return new Intl.DateTimeFormat(language.value, words).format(new Date(date));
}
