// Signs the user out, and asks first whether the draft stays in this browser.

import type { ComponentChild } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { BaseApp } from "../app-state";
import { loadMessages, t } from "../i18n";
import { deleteBlobs } from "../make/blobs";
import { eraseUserData, hasUserData } from "../make/user-data";
import "../styles/dialog.css";

interface Props {
  app: BaseApp;
  user: string;
  done: () => void;
}

/** Signs out and resolves to null, or resolves to the dialog to show if something is kept. */
export async function leaving(
  app: BaseApp,
  user: string,
  done: () => void,
): Promise<ComponentChild> {
  if (hasUserData(user)) {
    await loadMessages("signIn");
    return <Leaving app={app} user={user} done={done} />;
  }
  // An image that was removed from the draft may still be stored.
  await deleteBlobs(user);
  await app.session.signOut();
  return null;
}

function Leaving({ app, user, done }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  // The session may end while the dialog is open.
  const isOver = app.session.user.value?.id !== user;
  useEffect(() => {
    if (isOver) done();
    else dialog.current?.showModal();
  }, [isOver]);
  if (isOver) return null;
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
      <button type="button" onClick={() => eraseUserData(user).then(leave)}>
        {t("leaveAndErase")}
      </button>
      <button type="button" class="plain" onClick={done}>
        {t("stay")}
      </button>
    </dialog>
  );
}
