export const messages = {
  signInTitle: "One\u00a0image, one\u00a0sentence, one\u00a0film.",
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
  developmentMe: "“me” is the user of the README’s examples, whose token “make dev” prints.",
  leaving: "Sign out?",
  leavingKeeps:
    "Your prompt and your image stay in this browser, so that you can go on where you were. Erase them if others use it, too. Your videos stay either way.",
  leaveAndKeep: "Keep and sign out",
  leaveAndErase: "Erase and sign out",
  stay: "Stay signed in",
};

export type Messages = typeof messages;
