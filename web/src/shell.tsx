// The frame around the three views: the header, the sign-in, and which user sees which view.

import { signal } from "@preact/signals";
import type { ComponentChild, ComponentType } from "preact";
import { useLayoutEffect, useMemo } from "preact/hooks";
import { type App, type BaseApp, topic } from "./app-state";
import { language, loadMessages, setLanguage, t, textOf } from "./i18n";
import { follow, pathOf, type View, view } from "./router";

const RETRY_MS = 2000;
type Loaded = ComponentType<{ app: App }>;
const VIEWS: Record<View | "signIn", () => Promise<{ default: Loaded }>> = {
  signIn: () => import("./sign-in/view"),
  make: () => import("./make/view"),
  usage: () => import("./usage/view"),
  admin: () => import("./admin/view"),
};

export function Shell({ app }: { app: BaseApp }) {
  const user = app.session.user.value;
  useTitle(user ? view.value : null);
  return (
    <>
      <Header app={app} />
      <main>
        {user === undefined ? (
          <Loading />
        ) : (
          <Content app={app} name={user ? view.value : "signIn"} key={user?.id} />
        )}
      </main>
    </>
  );
}

/** The document's title, so that a tab in the background shows its video's status. */
function useTitle(name: View | null): void {
  const status = topic.value ? textOf(topic.value) : name && t(name);
  const title = status ? `${status} · Reelay` : "Reelay";
  // Not after the next paint, which a tab in the background may wait a minute for.
  useLayoutEffect(() => {
    document.title = title;
  }, [title]);
}

function Header({ app }: { app: BaseApp }) {
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
          {t("simulated")}: <span>{t("nothingIsPaid")}</span>
        </span>
      )}
      <div class="bar-end">
        <button
          type="button"
          class="plain"
          lang={language.value === "ko" ? "en" : "ko"}
          // Offline, its messages may not be loaded: the language stays.
          onClick={() => setLanguage(language.value === "ko" ? "en" : "ko").catch(() => {})}
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

/** The dialog that asks whether the draft stays in this browser. */
const question = signal<ComponentChild>(null);

async function leave(app: BaseApp, user: string): Promise<void> {
  try {
    const { leaving } = await import("./sign-in/leaving");
    question.value = await leaving(app, user, () => (question.value = null));
  } catch {
    // Offline, its code can't be loaded, but signing out still works.
    await app.session.signOut();
  }
}

const loaded = signal<Partial<Record<keyof typeof VIEWS, Loaded>>>({});

/** Shows a view for one user: `Shell` mounts it anew for each. */
function Content({ app: base, name }: { app: BaseApp; name: keyof typeof VIEWS | null }) {
  const app = useMemo(() => {
    const api = base.apiOf(base.session.user.peek()?.id ?? "");
    return { ...base, api };
  }, [base]);
  useLayoutEffect(() => {
    // After a failure, only a reload also loads the view's styles.
    if (!name || loaded.peek()[name]) return;
    Promise.all([VIEWS[name](), loadMessages(name)])
      .then(([module]) => module.default)
      // The browser is offline, or a new release has replaced this one's files.
      .catch(() => CannotStart)
      .then((view) => (loaded.value = { ...loaded.value, [name]: view }));
  }, [name]);
  if (name === "admin" && !app.session.user.value?.admin) {
    return <p class="notice">{t("adminOnly")}</p>;
  }
  if (!name) return <p class="notice">{t("noPage")}</p>;
  const View = loaded.value[name];
  return View ? <View app={app} /> : <Loading />;
}

function Loading() {
  return (
    <p class="loading" role="status">
      {t("loading")}
    </p>
  );
}

export function CannotStart() {
  // Not after the next paint: the browser may be back online before.
  useLayoutEffect(reloadOnceOnline, []);
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

/** Reloads the page when the browser is back online and its server answers. Returns a function to stop. */
function reloadOnceOnline(): () => void {
  const end = new AbortController();
  const { signal } = end;
  const retry = async () => {
    const response = await fetch("/config.json", { cache: "no-store", signal }).catch(() => null);
    if (response?.ok) location.reload();
    else if (!signal.aborted) setTimeout(retry, RETRY_MS);
  };
  addEventListener("online", retry, { signal });
  return () => end.abort();
}
