// Formats amounts of money, durations and ages for display.

import type { Language } from "./i18n";

/** "$0.40", "$1,234.50"; four digits only where two would show nothing: "$0.0002". */
export function money(usd: string | number): string {
  const value = Number(usd);
  const digits = value !== 0 && Math.abs(value) < 0.005 ? 4 : 2;
  const places = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return `$${value.toLocaleString("en-US", places)}`;
}

/** "0:08", as on a player. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** "38초", "1분 20초", "2시간 5분"; "38 s", "1 min 20 s", "2 h 5 min". */
export function span(seconds: number, language: Language): string {
  const whole = Math.max(0, Math.round(seconds));
  const isHours = whole >= 3600;
  const units = language === "ko" ? ["시간", "분", "초"] : ["\u00a0h", "\u00a0min", "\u00a0s"];
  const [large, small] = isHours ? units : units.slice(1);
  const size = isHours ? 3600 : 60;
  const count = Math.floor(whole / size);
  const rest = Math.floor((whole % size) / (size / 60));
  const parts = [count ? `${count}${large}` : "", rest || !count ? `${rest}${small}` : ""];
  return parts.filter(Boolean).join(" ");
}

/** "방금", "3시간 전", "어제"; "just now", "3 hours ago", "yesterday". */
export function ago(moment: string | Date, now: number, language: Language): string {
  const seconds = (new Date(moment).getTime() - now) / 1000;
  const words = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const [size, unit] = AGES.find(([size]) => -seconds >= size) ?? [1, "second"];
  if (unit === "second") return language === "ko" ? "방금" : "just now";
  return words.format(Math.ceil(seconds / size), unit);
}

const AGES: readonly [number, Intl.RelativeTimeFormatUnit][] = [
  [86_400 * 30, "month"],
  [86_400, "day"],
  [3600, "hour"],
  [60, "minute"],
];
