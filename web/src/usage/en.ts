export const messages = {
  usageTitle: "Usage",
};

export type Messages = typeof messages;
