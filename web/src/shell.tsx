// The frame around the three views: header, sign-in, and who sees which view.

import { signal } from "@preact/signals";
import type { ComponentChild, ComponentType } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { type App, type Opened, topic } from "./app-state";
import { language, learn, say, speak, t } from "./i18n";
import { follow, pathOf, type View, view } from "./router";

type Loaded = ComponentType<{ app: App }>;
const VIEWS: Record<View | "signIn", () => Promise<{ default: Loaded }>> = {
  signIn: () => import("./sign-in/view"),
  make: () => import("./make/view"),
  usage: () => import("./usage/view"),
  admin: () => import("./admin/view"),
};

export function Shell({ app }: { app: Opened }) {
  const user = app.session.user.value;
  useTitle(user ? view.value : null);
  if (user === undefined) return null;
  return (
    <>
      <Header app={app} />
      <main>
        <Content app={app} name={user ? view.value : "signIn"} key={user?.id} />
      </main>
    </>
  );
}

/** A tab in the background says how its video is doing. */
function useTitle(name: View | null): void {
  const said = topic.value ? say(topic.value) : name && t(name);
  const title = said ? `${said} · Reelay` : "Reelay";
  useEffect(() => {
    document.title = title;
  }, [title]);
}

function Header({ app }: { app: Opened }) {
  const user = app.session.user.value;
  const views: View[] = user?.admin ? ["make", "usage", "admin"] : ["make", "usage"];
  return (
    <header class="bar">
      <a class="mark" href="/" onClick={follow}>
        Reelay<span>.</span>
      </a>
      {user && (
        <nav>
          {views.map((name) => (
            <a
              key={name}
              href={pathOf(name)}
              aria-current={view.value === name ? "page" : undefined}
              onClick={follow}
            >
              {t(name)}
            </a>
          ))}
        </nav>
      )}
      {app.config.simulated && (
        <span class="badge">
          {t("simulated")}
          <span>{t("nothingIsPaid")}</span>
        </span>
      )}
      <div class="bar-end">
        <button
          type="button"
          class="plain"
          lang={language.value === "ko" ? "en" : "ko"}
          onClick={() => speak(language.value === "ko" ? "en" : "ko")}
        >
          {t("otherLanguage")}
        </button>
        {user && (
          <button type="button" class="plain" onClick={() => leave(app, user.id)}>
            {t("signOut")}
          </button>
        )}
      </div>
      {question.value}
    </header>
  );
}

/** Whether what was put together stays. */
const question = signal<ComponentChild>(null);

async function leave(app: Opened, user: string): Promise<void> {
  try {
    const { leaving } = await import("./sign-in/leaving");
    question.value = await leaving(app, user, () => (question.value = null));
  } catch {
    // Who is offline may sign out, too.
    await app.session.signOut();
  }
}

const loaded = signal<Partial<Record<keyof typeof VIEWS, Loaded>>>({});

/** As long as the user is the same one. */
function Content({ app: opened, name }: { app: Opened; name: keyof typeof VIEWS | null }) {
  const app = useMemo(() => {
    const api = opened.apiOf(opened.session.user.peek()?.id ?? "");
    return { ...opened, api };
  }, [opened]);
  useEffect(() => {
    if (!name) return;
    Promise.all([VIEWS[name](), learn(name)])
      .then(([module]) => module.default)
      // Offline, or of a release that is no longer there.
      .catch(() => CannotStart)
      .then((view) => (loaded.value = { ...loaded.value, [name]: view }));
  }, [name]);
  if (name === "admin" && !app.session.user.value?.admin) {
    return <p class="notice">{t("adminOnly")}</p>;
  }
  if (!name) return <p class="notice">{t("noPage")}</p>;
  const View = loaded.value[name];
  return View ? <View app={app} /> : null;
}

export function CannotStart() {
  return (
    <section class="sign-in">
      <h1 class="mark">
        Reelay<span>.</span>
      </h1>
      <p role="alert">{t("cannotStart")}</p>
      <button type="button" class="main" onClick={() => location.reload()}>
        {t("reload")}
      </button>
    </section>
  );
}
