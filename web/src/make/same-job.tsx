// Asks before the user pays again for a video whose result they haven't seen.

import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n";
import { go, pathOf } from "../router";
import type { StartedJob } from "./click";
import { focusStage, type Studio } from "./studio";
import { priceText } from "./submit-bar";
import "../styles/dialog.css";

export function SameJob({ studio, job }: { studio: Studio; job: StartedJob }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const price = studio.estimate.value;
  useEffect(() => dialog.current?.showModal(), []);
  const close = () => dialog.current?.close();
  const show = () => {
    close();
    go(`${pathOf("make")}?video=${job.id}`);
    scrollTo(0, 0);
    focusStage();
  };
  const makeAnother = () => {
    close();
    void studio.makeAnother();
  };
  return (
    <dialog
      ref={dialog}
      aria-labelledby="same-job"
      onClose={() => (studio.sameJob.value = null)}
    >
      <h2 id="same-job">{t("sameStarted")}</h2>
      <p>{t("sameUnseen")}</p>
      <button type="button" class="main" onClick={show}>
        {t("showIt")}
      </button>
      <button type="button" onClick={makeAnother}>
        {t("makeAnother")} {price && `· ${priceText(price)}`}
      </button>
      <button type="button" class="plain" onClick={close}>
        {t("close")}
      </button>
    </dialog>
  );
}
