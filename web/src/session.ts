// Who is signed in, by Firebase Authentication or, in local development, as a development user.

import type { ReadonlySignal } from "@preact/signals";
import type { Firestore } from "firebase/firestore";
import type { Config, DevelopmentUser } from "./config";

export interface User {
  id: string;
  /** Whether the ID token has the claim `admin`. */
  admin: boolean;
}

export type SignIn =
  | { by: "google" }
  | { by: "email"; address: string }
  | { by: "development"; user: DevelopmentUser };

export interface Session {
  /** undefined: not known yet; null: signed out. */
  readonly user: ReadonlySignal<User | null | undefined>;
  /** A sign-in link was opened: `whose` waits for the user's e-mail address, `bad` didn't work. */
  readonly link: ReadonlySignal<"whose" | "bad" | null>;
  /**
   * A token for `Authorization: Bearer`; rejects unless this user is signed in.
   * `fresh`: don't use a cached token, because the API refused it.
   */
  token(user: string, fresh: boolean): Promise<string>;
  signIn(how: SignIn): Promise<void>;
  signOut(): Promise<void>;
  /** A Firestore client that reads as the signed-in user. */
  firestore(): Promise<Firestore>;
}

export async function openSession(config: Config): Promise<Session> {
  if (config.firebase) {
    const { firebaseSession } = await import("./firebase-session");
    return firebaseSession(config, config.firebase);
  }
  const { developmentSession } = await import("./development-session");
  return developmentSession(config);
}
