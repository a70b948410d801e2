// The state that every view gets. It is created before the first render, except for the user's `api`.

import { signal } from "@preact/signals";
import type { Api } from "./api";
import { type Config, loadConfig } from "./config";
import type { Message } from "./i18n";
import { openSession, type Session } from "./session";

export interface App {
  config: Config;
  session: Session;
  /** Makes calls only for the user who sees the view. */
  api: Api;
}

export interface BaseApp extends Omit<App, "api"> {
  apiOf(user: string): Api;
}

/** The status of the video on the stage, for the document's title; null: the title is the view's name. */
export const topic = signal<Message | null>(null);

export async function openApp(): Promise<BaseApp> {
  const [config, { createApi }] = await Promise.all([loadConfig(), import("./api")]);
  const session = await openSession(config);
  return { config, session, apiOf: (user) => createApi(config.api, session, user) };
}
