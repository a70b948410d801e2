import type { Generation } from "../api";
import { messages as usage } from "../usage/en";

type Level = Generation["level"];

const LEVELS: Record<Level, string> = { normal: "Normal", tight: "Tight", paused: "Paused" };
const WHAT_THEY_DO: Record<Level, string> = {
  normal:
    "Every provider may be asked. Once you set this, the budgets limit nothing until their next interval.",
  tight: "Only the cheaper providers are asked for new videos.",
  paused: "No new videos are started. Videos already paid for are finished.",
};

export const messages = {
  ...usage,
  adminTitle: "Administration",
  switchTitle: "Kill switch",
  level: (level: Level) => LEVELS[level],
  levelDoes: (level: Level) => WHAT_THEY_DO[level],
  inForce: (level: Level) => `In force: ${LEVELS[level]}`,
  setBy: (who: string, when: string) => `Set by ${who}, ${when}`,
  notSet: "Nobody has set it.",
  why: "Reason",
  whyMissing: "Give a reason.",
  reasonHint: "Shown with the switch, so the next administrator knows why.",
  setLevel: (level: Level) => `Set to ${LEVELS[level]}`,
  levelSet: (level: Level) => `Set to ${LEVELS[level]}.`,
  levelNotSet: (why: string) =>
    `The switch was not set. Your reason is kept: try again. ${why}`.trim(),
  budgetsTitle: "Google Cloud budgets",
  budgetsSay: (level: Level) => `Required by the budgets: ${LEVELS[level]}`,
  budget: (id: string) => `Budget ${id}`,
  budgetUsed: (percent: string) => `${percent} used`,
  budgetSince: (day: string) => `since ${day}`,
  overridden: "overridden until its next interval",
  noBudgets: "No budget has reported yet.",
  everybody: "All users",
};

export type Messages = typeof messages;
