export const messages = {
  signInTitle: "One\u00a0image, one\u00a0sentence, one\u00a0film.",
  signInAs: (name: string) => `Continue as ${name}`,
  signInWithGoogle: "Continue with Google",
  signInByEmail: "Send me a sign-in link",
  email: "E-mail address",
  emailSent: (address: string) => `A link is on its way to ${address}.`,
  linkIs: (link: "whose" | "bad"): string =>
    link === "bad"
      ? "This link has expired or was used. Ask for another."
      : "Which e-mail address was this link sent to?",
  signInFailed: "Signing in did not work. Try again.",
  developmentSignIn: "Users of this machine, without a password",
  developmentMe: "“me” is the user of the README’s examples, whose token “make dev” prints.",
  leaving: "Sign out?",
  leavingKeeps:
    "Your prompt and your image stay in this browser, so you can continue where you left off. Erase them if others use this browser, too. Your videos stay either way.",
  leaveAndKeep: "Keep and sign out",
  leaveAndErase: "Erase and sign out",
  stay: "Stay signed in",
};

export type Messages = typeof messages;
