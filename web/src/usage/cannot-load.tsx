import { useEffect } from "preact/hooks";
import { t } from "../i18n";

/** Calls `again` when its button is pressed, and when the browser is back online. */
export function CannotLoad({ again }: { again: () => void }) {
  useEffect(() => {
    addEventListener("online", again);
    return () => removeEventListener("online", again);
  }, []);
  return (
    <p class="notice" role="alert">
      {t("cannotLoad")}{" "}
      <button type="button" onClick={again}>
        {t("tryAgain")}
      </button>
    </p>
  );
}
