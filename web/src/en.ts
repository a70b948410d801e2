// What the page says in English. `ko.ts` has the same keys.

export const messages = {
  // Shell
  make: "Make",
  usage: "Usage",
  admin: "Admin",
  signOut: "Sign out",
  simulated: "Simulated",
  nothingIsPaid: ": nothing is paid",
  otherLanguage: "한국어",
  aiNotice: "The videos are made by AI, and their files carry its mark.",
  adminOnly: "Only administrators see this page.",
  noPage: "There is no such page.",
  cannotStart: "The page can't reach its service. Check your connection and reload.",
  reload: "Reload",
};

export type Messages = typeof messages;
