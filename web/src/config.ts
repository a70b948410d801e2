// The page's configuration, read from `/config.json` on its own origin.

import type { Language } from "./i18n";

export interface Config {
  /** The API's address, without a slash at the end. */
  api: string;
  project: string;
  /** The Firebase web app's configuration; null where development users sign in instead. */
  firebase: { apiKey: string; authDomain: string; appId?: string } | null;
  /** The methods enabled in Firebase Authentication; `email` is a sign-in link sent by e-mail. */
  signIn: ("google" | "email")[];
  /** host:port of each local emulator. */
  emulators: { firestore: string | null; auth: string | null };
  /** In local development: the users to choose from, without a password. */
  developmentUsers: DevelopmentUser[] | null;
  /** In local development: simulators make the videos, and nothing is charged. */
  simulated?: boolean;
}

export interface DevelopmentUser {
  id: string;
  name: Record<Language, string>;
  admin: boolean;
}

export async function loadConfig(): Promise<Config> {
  const response = await fetch("/config.json", { cache: "no-cache" });
  if (!response.ok) throw new Error(`/config.json: ${response.status}`);
  return (await response.json()) as Config;
}
