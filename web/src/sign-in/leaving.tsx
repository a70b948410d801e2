// Signing out: is what the user put together to stay in this browser?

import { useEffect, useRef } from "preact/hooks";
import type { Opened } from "../app-state";
import { t } from "../i18n";
import { forgetAll } from "../make/kept";

export { forgetImages, isAnythingKept } from "../make/kept";

interface Props {
  app: Opened;
  user: string;
  done: () => void;
}

export default function Leaving({ app, user, done }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const leave = () => {
    done();
    return app.session.signOut();
  };
  return (
    <dialog ref={dialog} aria-labelledby="leaving" onClose={done}>
      <h2 id="leaving">{t("leaving")}</h2>
      <p>{t("leavingKeeps")}</p>
      <button type="button" class="main" onClick={leave}>
        {t("leaveAndKeep")}
      </button>
      <button type="button" onClick={() => forgetAll(user).then(leave)}>
        {t("leaveAndErase")}
      </button>
      <button type="button" class="plain" onClick={done}>
        {t("stay")}
      </button>
    </dialog>
  );
}
