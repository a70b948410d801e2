import type { Messages } from "./en";

export const messages: Messages = {
  usageTitle: "사용량",
};
