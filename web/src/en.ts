// What the page says in English. `ko.ts` has the same keys.

export const messages = {
  // Shell
  make: "Make",
  usage: "Usage",
  admin: "Administration",
  signOut: "Sign out",
  otherLanguage: "한국어",
  signInTitle: "One image, one sentence, one film.",
  signInAs: (name: string) => `Continue as ${name}`,
  signInWithGoogle: "Continue with Google",
  signInByEmail: "Send me a link",
  email: "E-mail address",
  emailSent: (address: string) => `A link is on its way to ${address}.`,
  linkIs: (link: "whose" | "bad"): string =>
    link === "bad"
      ? "This link has expired or was used. Ask for another."
      : "Which e-mail address did you get this link at?",
  signInFailed: "Signing in did not work. Try again.",
  developmentSignIn: "Users of this machine, without a password",
  aiNotice: "The videos are made by AI, and their files carry its mark.",
  adminOnly: "Only administrators see this page.",
  cannotStart: "The page can't reach its service. Check your connection and reload.",
  reload: "Reload",
};

export type Messages = typeof messages;
