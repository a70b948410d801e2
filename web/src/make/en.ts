export const messages = {
  makeTitle: "What should happen?",
};

export type Messages = typeof messages;
