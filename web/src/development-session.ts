// Signs in for local development: the page's own server signs a token for the chosen user.

import { signal } from "@preact/signals";
import type { Config } from "./config";
import type { Session, SignIn, User } from "./session";
import { onChange, recall, remember } from "./storage";

const LIFETIME_MS = 50 * 60_000;

export function developmentSession(config: Config): Session {
  const user = signal<User | null | undefined>(remembered(config));
  let token = { text: "", user: "", at: 0 };
  // As with Firebase Authentication, all tabs of the browser share one user.
  onChange("user", () => (user.value = remembered(config)));

  async function fetchToken(id: string): Promise<string> {
    const response = await fetch("/development/token", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ user: id }),
    });
    if (!response.ok) throw new Error(`/development/token: ${response.status}`);
    const text = ((await response.json()) as { token: string }).token;
    token = { text, user: id, at: Date.now() };
    return text;
  }

  return {
    user,
    link: signal(null),
    async token(id, fresh) {
      if (user.value?.id !== id) throw new Error("this user isn't signed in");
      const isGood = token.user === id && Date.now() - token.at < LIFETIME_MS;
      return isGood && !fresh ? token.text : fetchToken(id);
    },
    async signIn(how: SignIn) {
      if (how.by !== "development") return;
      await fetchToken(how.user.id);
      remember("user", how.user.id);
      user.value = how.user;
    },
    async signOut() {
      remember("user", null);
      user.value = null;
    },
    async firestore() {
      const { connectFirestoreEmulator, getFirestore, initializeApp } = await import(
        "./firebase/firestore"
      );
      const id = user.value?.id ?? "";
      const app = initializeApp({ projectId: config.project }, `${id} ${Date.now()}`);
      const store = getFirestore(app);
      const [host = "", port] = config.emulators.firestore?.split(":") ?? [];
      const mockUserToken = { sub: id, user_id: id };
      connectFirestoreEmulator(store, host, Number(port), { mockUserToken });
      return store;
    },
  };
}

function remembered({ developmentUsers }: Config): User | null {
  const id = recall<string>("user");
  return developmentUsers?.find((one) => one.id === id) ?? null;
}
