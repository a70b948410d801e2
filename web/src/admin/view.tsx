import { useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import type { Generation } from "../api";
import type { App } from "../app-state";
import { t } from "../i18n";
import { CannotLoad } from "../usage/cannot-load";
import { Charts } from "../usage/charts";
import { Budgets } from "./budgets";
import { Switch } from "./switch";
import "../styles/fields.css";
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
  useLayoutEffect(() => void load(), []);

  return (
    <>
      <h1>{t("adminTitle")}</h1>
      {hasFailed.value && <CannotLoad again={load} />}
      {generation.value && (
        <div class="control">
          <Switch app={app} generation={generation} />
          <Budgets automatic={generation.value.automatic} />
        </div>
      )}
      {/* Loaded meanwhile, but it would move down when the switch appears. */}
      <div hidden={!generation.value && !hasFailed.value}>
        <h2 class="everybody">{t("everybody")}</h2>
        <Charts app={app} scope="all" />
      </div>
    </>
  );
}
