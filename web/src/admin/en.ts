export const messages = {
  adminTitle: "Administration",
};

export type Messages = typeof messages;
