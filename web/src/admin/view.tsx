import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Generation } from "../api";
import type { App } from "../app-state";
import { t } from "../i18n";
import { Charts } from "../usage/charts";
import { Budgets } from "./budgets";
import { Switch } from "./switch";
import "./admin.css";

export default function View({ app }: { app: App }) {
  const generation = useSignal<Generation | null>(null);
  const hasFailed = useSignal(false);

  async function load(): Promise<void> {
    try {
      generation.value = await app.api.getGeneration();
      hasFailed.value = false;
    } catch {
      hasFailed.value = true;
    }
  }
  useEffect(() => void load(), []);

  return (
    <>
      <h1>{t("adminTitle")}</h1>
      {hasFailed.value && (
        <p class="notice" role="alert">
          {t("cannotLoad")}{" "}
          <button type="button" onClick={load}>
            {t("tryAgain")}
          </button>
        </p>
      )}
      {generation.value && (
        <div class="control">
          <Switch app={app} generation={generation} />
          <Budgets automatic={generation.value.automatic} />
        </div>
      )}
      <h2 class="everybody">{t("everybody")}</h2>
      <Charts app={app} scope="all" />
    </>
  );
}
