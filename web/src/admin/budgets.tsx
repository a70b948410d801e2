// Shows what Google Cloud's budgets reported, and the level that results.

import type { Generation } from "../api";
import { language, t } from "../i18n";

export function Budgets({ automatic }: { automatic: Generation["automatic"] }) {
  return (
    <section aria-labelledby="budgets-title">
      <h2 id="budgets-title">{t("budgetsTitle")}</h2>
      {automatic.budgets.length ? (
        <p class="muted">{t("budgetsSay", automatic.level)}</p>
      ) : (
        <p class="muted">{t("noBudgets")}</p>
      )}
      <ul class="budgets">
        {automatic.budgets.map((budget) => {
          const name = t("budget", budget.budget_id);
          const ratio = Number(budget.ratio);
          return (
            <li key={budget.budget_id}>
              <span>{name}</span>
              <strong>{t("budgetUsed", `${Math.round(ratio * 100)}%`)}</strong>
              <span class="muted">
                {t("budgetSince", dayOf(budget.interval_start))}
                {budget.overridden && ` · ${t("overridden")}`}
              </span>
              <meter aria-label={name} max={1} high={0.8} value={Math.min(ratio, 1)} />
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function dayOf(moment: string): string {
  const words = { month: "short", day: "numeric" } as const;
  return new Intl.DateTimeFormat(language.value, words).format(new Date(moment));
}
