import { useLayoutEffect } from "preact/hooks";
import { t } from "../i18n";

/** Calls `again` when its button is pressed, and when the browser is back online. */
export function CannotLoad({ again }: { again: () => void }) {
  // Not after the next paint: the browser may be back online before.
  useLayoutEffect(() => {
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
