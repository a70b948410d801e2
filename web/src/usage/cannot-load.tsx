import { t } from "../i18n";

export function CannotLoad({ again }: { again: () => void }) {
  return (
    <p class="notice" role="alert">
      {t("cannotLoad")}{" "}
      <button type="button" onClick={again}>
        {t("tryAgain")}
      </button>
    </p>
  );
}
