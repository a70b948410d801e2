// The page's language: Korean and English, in tables whose keys the compiler compares.

import { signal } from "@preact/signals";
import type { Messages as Admin } from "./admin/en";
import type { Messages as Shell } from "./en";
import type { Messages as Make } from "./make/en";
import { recall, remember } from "./storage";
import type { Messages as SignIn } from "./sign-in/en";
import type { Messages as Usage } from "./usage/en";

export const LANGUAGES = ["ko", "en"] as const;
export type Language = (typeof LANGUAGES)[number];

type Messages = Shell & SignIn & Make & Usage & Admin;
type Arguments<K extends keyof Messages> = Messages[K] extends (
  ...given: infer A
) => string
  ? A
  : [];
type Lists = { [K in keyof Messages]: Messages[K] extends readonly string[] ? K : never };

/** A sentence that is not said yet: its key and what it is about. */
export type Sentence = {
  [K in keyof Messages]: [key: K, ...given: Arguments<K>];
}[keyof Messages];

// A view's sentences come with the view.
const TABLES = {
  shell: { ko: () => import("./ko"), en: () => import("./en") },
  signIn: { ko: () => import("./sign-in/ko"), en: () => import("./sign-in/en") },
  make: { ko: () => import("./make/ko"), en: () => import("./make/en") },
  usage: { ko: () => import("./usage/ko"), en: () => import("./usage/en") },
  admin: { ko: () => import("./admin/ko"), en: () => import("./admin/en") },
};
export type Area = keyof typeof TABLES;

const learnt = new Map<Area, Promise<void>>([["shell", Promise.resolve()]]);
const table = signal<Partial<Messages>>({});

export const language = signal<Language>(preferred(globalThis.navigator?.languages ?? []));

/** The sentence in the page's language. Components that call it follow the language. */
export function t<K extends keyof Messages>(key: K, ...given: Arguments<K>): string {
  return spoken(key, given);
}

/** For keys that hold several sentences. */
export function list(key: Lists[keyof Messages]): readonly string[] {
  return table.value[key] ?? [];
}

export function say([key, ...given]: Sentence): string {
  return spoken(key, given);
}

function spoken(key: keyof Messages, given: readonly unknown[]): string {
  const message: unknown = table.value[key];
  return typeof message === "function" ? message(...given) : String(message ?? "");
}

/** Switches the page to `chosen`, or to what was chosen last. */
export async function speak(chosen?: Language): Promise<void> {
  const next = chosen ?? recall<Language>("language") ?? language.value;
  if (chosen) remember("language", chosen);
  table.value = await read(learnt.keys(), next);
  language.value = next;
  document.documentElement.lang = next;
}

/** The sentences of a view, before it is shown. */
export function learn(area: Area): Promise<void> {
  const known = learnt.get(area) ?? add(area);
  learnt.set(area, known);
  known.catch(() => learnt.delete(area)); // asked for again once one is online
  return known;
}

async function add(area: Area): Promise<void> {
  const wanted = language.value;
  const found = await read([area], wanted);
  // Meanwhile others may have been learnt, and another language chosen.
  if (language.value !== wanted) return add(area);
  table.value = { ...table.value, ...found };
}

async function read(areas: Iterable<Area>, wanted: Language): Promise<Partial<Messages>> {
  const found = [...areas].map(async (area) => (await TABLES[area][wanted]()).messages);
  return Object.assign({}, ...(await Promise.all(found)));
}

/** The first of the browser's languages that there is; Korean without any. */
export function preferred(languages: readonly string[]): Language {
  const known = languages.map((tag) => tag.slice(0, 2).toLowerCase());
  return LANGUAGES.find((one) => one === known.find(isLanguage)) ?? "ko";
}

function isLanguage(tag: string): boolean {
  return LANGUAGES.some((one) => one === tag);
}
