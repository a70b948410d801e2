import type { App } from "../app-state";
import { t } from "../i18n";
import { Charts } from "./charts";

export default function View({ app }: { app: App }) {
  return (
    <>
      <h1>{t("usageTitle")}</h1>
      <Charts app={app} />
    </>
  );
}
