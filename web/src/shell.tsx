// The frame around the three views: header, sign-in, and who sees which view.

import { signal, useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import type { App } from "./app-state";
import { language, learn, speak, t } from "./i18n";
import { follow, pathOf, type View, view } from "./router";
import type { SignIn } from "./session";

type Loaded = ComponentType<{ app: App }>;
const VIEWS: Record<View, () => Promise<{ default: Loaded }>> = {
  make: () => import("./make/view"),
  usage: () => import("./usage/view"),
  admin: () => import("./admin/view"),
};

export function Shell({ app }: { app: App }) {
  const user = app.session.user.value;
  if (user === undefined) return null;
  return (
    <>
      <Header app={app} />
      <main>{user ? <Content app={app} key={user.id} /> : <SignInView app={app} />}</main>
    </>
  );
}

function Header({ app }: { app: App }) {
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
          <button type="button" class="plain" onClick={() => app.session.signOut()}>
            {t("signOut")}
          </button>
        )}
      </div>
    </header>
  );
}

const loaded = signal<Partial<Record<View, Loaded>>>({});

function Content({ app }: { app: App }) {
  const name = view.value;
  useEffect(() => {
    Promise.all([VIEWS[name](), learn(name)]).then(([module]) => {
      loaded.value = { ...loaded.value, [name]: module.default };
    });
  }, [name]);
  if (name === "admin" && !app.session.user.value?.admin) {
    return <p class="notice">{t("adminOnly")}</p>;
  }
  const View = loaded.value[name];
  return View ? <View app={app} /> : null;
}

function SignInView({ app }: { app: App }) {
  const said = useSignal("");
  const sign = async (how: SignIn, after = "") => {
    said.value = "";
    try {
      await app.session.signIn(how);
      said.value = after;
    } catch {
      said.value = t("signInFailed");
    }
  };
  const { developmentUsers, emailLinks, firebase } = app.config;
  return (
    <section class="sign-in">
      <h1>{t("signInTitle")}</h1>
      {!firebase && <p class="muted">{t("developmentSignIn")}</p>}
      {developmentUsers?.map((user) => (
        <button
          key={user.id}
          type="button"
          onClick={() => sign({ by: "development", user })}
        >
          {t("signInAs", user.name)}
        </button>
      ))}
      {firebase && (
        <button type="button" class="main" onClick={() => sign({ by: "google" })}>
          {t("signInWithGoogle")}
        </button>
      )}
      {firebase && emailLinks && <EmailForm sign={sign} />}
      <p role="status">{said}</p>
      <p class="muted">{t("aiNotice")}</p>
    </section>
  );
}

function EmailForm({ sign }: { sign: (how: SignIn, after: string) => void }) {
  const address = useSignal("");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        sign({ by: "email", address: address.value }, t("emailSent", address.value));
      }}
    >
      <label>
        {t("email")}
        <input
          type="email"
          required
          autocomplete="email"
          value={address}
          onInput={(event) => (address.value = event.currentTarget.value)}
        />
      </label>
      <button type="submit">{t("signInByEmail")}</button>
    </form>
  );
}

export function CannotStart() {
  return (
    <main class="sign-in">
      <h1 class="mark">
        Reelay<span>.</span>
      </h1>
      <p role="alert">{t("cannotStart")}</p>
      <button type="button" class="main" onClick={() => location.reload()}>
        {t("reload")}
      </button>
    </main>
  );
}
