// Where the page's service is: `/config.json` of the page's own origin.

export interface Config {
  /** The API's address, without a slash at the end. */
  api: string;
  project: string;
  /** The web app's configuration, where Firebase Authentication signs users in. */
  firebase: { apiKey: string; authDomain: string; appId?: string } | null;
  /** What Firebase Authentication has switched on; `email` is a link in a mail. */
  signIn: ("google" | "email")[];
  /** host:port of the emulators on one machine. */
  emulators: { firestore: string | null; auth: string | null };
  /** Whom one may be on one machine, without a password. */
  developmentUsers: DevelopmentUser[] | null;
  /** On one machine: simulators make the videos, and nothing is paid. */
  simulated?: boolean;
}

export interface DevelopmentUser {
  id: string;
  name: string;
  admin: boolean;
}

export async function loadConfig(): Promise<Config> {
  const answer = await fetch("/config.json", { cache: "no-cache" });
  if (!answer.ok) throw new Error(`/config.json: ${answer.status}`);
  return (await answer.json()) as Config;
}
