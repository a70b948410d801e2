import type { Messages } from "./en";

export const messages: Messages = {
  makeTitle: "무엇이 일어나면 좋을까요?",
};
