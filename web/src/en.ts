// The shell's messages in English. `ko.ts` has the same keys.

export const messages = {
  // Shell
  make: "Make",
  usage: "Usage",
  admin: "Admin",
  signOut: "Sign out",
  simulated: "Simulated",
  nothingIsPaid: "nothing is paid",
  otherLanguage: "한국어",
  aiNotice: "These videos are made by AI. Providers' marks in the files are preserved.",
  adminOnly: "Only administrators see this page.",
  loading: "Loading …",
  noPage: "There is no such page.",
  cannotStart: "The page can't reach its service. Check your connection and reload.",
  reload: "Reload",
};

export type Messages = typeof messages;
