import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Config } from "../src/config";
import { firebaseSession } from "../src/firebase-session";

const firebase = vi.hoisted(() => ({
  auth: { currentUser: null as unknown },
  tell: async (_: unknown) => {},
}));
vi.mock("../src/firebase/auth", () => ({
  initializeApp: () => null,
  indexedDBLocalPersistence: null,
  browserPopupRedirectResolver: null,
  initializeAuth: () => firebase.auth,
  isSignInWithEmailLink: () => false,
  onIdTokenChanged: (_: unknown, listener: typeof firebase.tell) => (firebase.tell = listener),
}));

beforeEach(() => vi.stubGlobal("location", { href: "" }));
afterEach(() => vi.unstubAllGlobals());

/** Firebase Authentication says that this user is signed in; `token`: the answer for their ID token. */
function signIn(token: Promise<{ claims: object }>) {
  firebase.auth.currentUser = { uid: "ann", getIdTokenResult: () => token };
  return firebase.tell(firebase.auth.currentUser);
}

async function open() {
  const config = { emulators: {} } as Config;
  return (await firebaseSession(config, { apiKey: "", authDomain: "" })).user;
}

test("a user whose token can't be renewed stays signed in, as administrator once it can", async () => {
  const user = await open();

  await signIn(Promise.reject(new Error("auth/network-request-failed")));
  expect(user.value).toEqual({ id: "ann", admin: false });
  await signIn(Promise.resolve({ claims: { admin: true } }));

  expect(user.value).toEqual({ id: "ann", admin: true });
});

test("a user who signs out while their token is awaited is not signed in again", async () => {
  const user = await open();
  let arrive = (_: { claims: object }) => {};
  const told = signIn(new Promise((resolve) => (arrive = resolve)));

  firebase.auth.currentUser = null;
  await firebase.tell(null);
  arrive({ claims: {} });
  await told;

  expect(user.value).toBeNull();
});
