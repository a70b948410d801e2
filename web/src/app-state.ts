// What every view needs: made before anything is shown, but for whose API it is.

import { signal } from "@preact/signals";
import type { Api } from "./api";
import { type Config, loadConfig } from "./config";
import type { Sentence } from "./i18n";
import { openSession, type Session } from "./session";

export interface App {
  config: Config;
  session: Session;
  /** Of the user to whom the view is shown. */
  api: Api;
}

export interface Opened extends Omit<App, "api"> {
  apiOf(user: string): Api;
}

/** What the stage shows, for the browser's tab; null: the view's name says enough. */
export const topic = signal<Sentence | null>(null);

export async function openApp(): Promise<Opened> {
  const [config, { createApi }] = await Promise.all([loadConfig(), import("./api")]);
  const session = await openSession(config);
  return { config, session, apiOf: (user) => createApi(config.api, session, user) };
}
