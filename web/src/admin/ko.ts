import type { Messages } from "./en";

export const messages: Messages = {
  adminTitle: "운영",
};
