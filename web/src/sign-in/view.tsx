// The sign-in view.

import { useSignal } from "@preact/signals";
import type { App } from "../app-state";
import { language, type Message, t, textOf } from "../i18n";
import type { SignIn } from "../session";
import "../styles/fields.css";
import "./sign-in.css";

export default function SignInView({ app }: { app: App }) {
  const message = useSignal<Message | null>(null);
  const sign = async (how: SignIn, after: Message | null = null) => {
    message.value = null;
    try {
      await app.session.signIn(how);
      message.value = after;
    } catch {
      message.value = ["signInFailed"];
    }
  };
  const { developmentUsers, signIn } = app.config;
  const link = app.session.link.value;
  return (
    <section class="sign-in">
      <h1>{t("signInTitle")}</h1>
      {developmentUsers && <p class="muted">{t("developmentSignIn")}</p>}
      {developmentUsers?.map((user) => (
        <button
          key={user.id}
          type="button"
          onClick={() => sign({ by: "development", user })}
        >
          {t("signInAs", user.name[language.value])}
        </button>
      ))}
      {developmentUsers?.some(({ id }) => id === "me") && (
        <p class="muted">{t("developmentMe")}</p>
      )}
      {signIn.includes("google") && (
        <button type="button" class="main" onClick={() => sign({ by: "google" })}>
          {t("signInWithGoogle")}
        </button>
      )}
      {signIn.includes("email") && <EmailForm sign={sign} />}
      <p role="status">{message.value ? textOf(message.value) : link && t("linkIs", link)}</p>
      <p class="muted">{t("aiNotice")}</p>
    </section>
  );
}

function EmailForm({ sign }: { sign: (how: SignIn, after: Message) => void }) {
  const address = useSignal("");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        sign({ by: "email", address: address.value }, ["emailSent", address.value]);
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
