// What every view needs: made once at the start, before anything is shown.

import type { Api } from "./api";
import { type Config, loadConfig } from "./config";
import { openSession, type Session } from "./session";

export interface App {
  config: Config;
  session: Session;
  api: Api;
}

export async function openApp(): Promise<App> {
  const [config, { createApi }] = await Promise.all([loadConfig(), import("./api")]);
  const session = await openSession(config);
  return { config, session, api: createApi(config.api, session) };
}
