// The page's language, Korean or English. The compiler checks that both have the same keys.

import { signal } from "@preact/signals";
import type { Messages as Admin } from "./admin/en";
import { type Messages as Shell, messages as en } from "./en";
import { messages as ko } from "./ko";
import type { Messages as Make } from "./make/en";
import { recall, remember } from "./storage";
import type { Messages as SignIn } from "./sign-in/en";
import type { Messages as Usage } from "./usage/en";

export const LANGUAGES = ["ko", "en"] as const;
export type Language = (typeof LANGUAGES)[number];

type Messages = Shell & SignIn & Make & Usage & Admin;
type Arguments<K extends keyof Messages> = Messages[K] extends (
  ...args: infer A
) => string
  ? A
  : [];
type Lists = { [K in keyof Messages]: Messages[K] extends readonly string[] ? K : never };

/** A message before it is translated: its key and its arguments. */
export type Message = {
  [K in keyof Messages]: [key: K, ...args: Arguments<K>];
}[keyof Messages];

// Without them, the page could not even say that nothing else can be loaded.
const SHELL = { ko, en };
// Each view's messages are loaded with the view.
const TABLES = {
  signIn: { ko: () => import("./sign-in/ko"), en: () => import("./sign-in/en") },
  make: { ko: () => import("./make/ko"), en: () => import("./make/en") },
  usage: { ko: () => import("./usage/ko"), en: () => import("./usage/en") },
  admin: { ko: () => import("./admin/ko"), en: () => import("./admin/en") },
};
export type Area = keyof typeof TABLES;

const loads = new Map<Area, Promise<void>>();
const messages = signal<Partial<Messages>>({});

export const language = signal<Language>(preferred(globalThis.navigator?.languages ?? []));

/** The message in the page's language. Components that call it re-render when the language changes. */
export function t<K extends keyof Messages>(key: K, ...args: Arguments<K>): string {
  return lookUp(key, args);
}

/** For keys that hold a list of messages. */
export function list(key: Lists[keyof Messages]): readonly string[] {
  return messages.value[key] ?? [];
}

export function textOf([key, ...args]: Message): string {
  return lookUp(key, args);
}

function lookUp(key: keyof Messages, args: readonly unknown[]): string {
  const message: unknown = messages.value[key];
  return typeof message === "function" ? message(...args) : String(message ?? "");
}

/** How often a language was chosen. */
let choices = 0;

/** Switches the page to `chosen`, or else to the stored choice, or else to the browser's language. */
export async function setLanguage(chosen?: Language): Promise<void> {
  const next = chosen ?? recall<Language>("language") ?? language.value;
  if (chosen) remember("language", chosen);
  const choice = ++choices;
  const areas = [...loads.keys()];
  const fetched = await fetchMessages(areas, next);
  // Another language was chosen meanwhile.
  if (choice !== choices) return;
  // A view that was opened meanwhile has loaded its messages in the other language.
  if ([...loads.keys()].some((area) => !areas.includes(area))) return setLanguage(chosen);
  messages.value = fetched;
  language.value = next;
  document.documentElement.lang = next;
}

/** Loads a view's messages; await it before the view is shown. */
export function loadMessages(area: Area): Promise<void> {
  const load = loads.get(area) ?? addMessages(area);
  loads.set(area, load);
  load.catch(() => loads.delete(area)); // so that the next call tries again
  return load;
}

async function addMessages(area: Area): Promise<void> {
  const wanted = language.value;
  const fetched = await fetchMessages([area], wanted);
  // Another language may have been chosen while these were loading.
  if (language.value !== wanted) return addMessages(area);
  messages.value = { ...messages.value, ...fetched };
}

async function fetchMessages(areas: Iterable<Area>, wanted: Language): Promise<Partial<Messages>> {
  const fetched = [...areas].map(async (area) => (await TABLES[area][wanted]()).messages);
  return Object.assign({}, SHELL[wanted], ...(await Promise.all(fetched)));
}

/** The first of the browser's languages that the page has, or else Korean. */
export function preferred(languages: readonly string[]): Language {
  const known = languages.map((tag) => tag.slice(0, 2).toLowerCase());
  return LANGUAGES.find((one) => one === known.find(isLanguage)) ?? "ko";
}

function isLanguage(tag: string): boolean {
  return LANGUAGES.some((one) => one === tag);
}
