// Signing out: is what the user put together to stay in this browser?

import type { ComponentChild } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Opened } from "../app-state";
import { learn, t } from "../i18n";
import { forgetAll, forgetImages, isAnythingKept } from "../make/kept";
import "./leaving.css";

interface Props {
  app: Opened;
  user: string;
  done: () => void;
}

/** Signs out, or answers with the question to show. */
export async function leaving(
  app: Opened,
  user: string,
  done: () => void,
): Promise<ComponentChild> {
  if (isAnythingKept(user)) {
    await learn("signIn");
    return <Leaving app={app} user={user} done={done} />;
  }
  await forgetImages(user);
  await app.session.signOut();
  return null;
}

function Leaving({ app, user, done }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  // The session may end by itself meanwhile.
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
      <button type="button" onClick={() => forgetAll(user).then(leave)}>
        {t("leaveAndErase")}
      </button>
      <button type="button" class="plain" onClick={done}>
        {t("stay")}
      </button>
    </dialog>
  );
}
