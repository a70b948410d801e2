import type { App } from "../app-state";
import { t } from "../i18n";

export default function View(_: { app: App }) {
  return <h1>{t("usageTitle")}</h1>;
}
