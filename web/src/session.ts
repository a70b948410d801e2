// Who is signed in. Two ways: Firebase Authentication, or development users on one machine.

import type { ReadonlySignal } from "@preact/signals";
import type { Firestore } from "firebase/firestore";
import type { Config, DevelopmentUser } from "./config";

export interface User {
  id: string;
  name: string;
  /** With the claim `admin`. */
  admin: boolean;
}

export type SignIn =
  | { by: "google" }
  | { by: "email"; address: string }
  | { by: "development"; user: DevelopmentUser };

export interface Session {
  /** undefined: not known yet; null: nobody. */
  readonly user: ReadonlySignal<User | null | undefined>;
  /** A link from a mail was opened: it must be said `whose` it is, or it is `bad`. */
  readonly link: ReadonlySignal<"whose" | "bad" | null>;
  /**
   * For `Authorization: Bearer`; rejects unless it is this user who is signed in.
   * `fresh`: the last one was refused.
   */
  token(user: string, fresh: boolean): Promise<string>;
  signIn(how: SignIn): Promise<void>;
  signOut(): Promise<void>;
  /** The database as the user may read it. */
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
