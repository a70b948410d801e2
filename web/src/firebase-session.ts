// Signs in with Firebase Authentication: with Google, or with a link sent by e-mail.

import { signal } from "@preact/signals";
import type { User as FirebaseUser } from "firebase/auth";
import type { Config } from "./config";
import * as firebase from "./firebase/auth";
import type { Session, SignIn, User } from "./session";
import { recall, remember } from "./storage";

export async function firebaseSession(
  config: Config,
  app: NonNullable<Config["firebase"]>,
): Promise<Session> {
  const user = signal<User | null | undefined>(undefined);
  const opened = firebase.initializeApp({ projectId: config.project, ...app });
  const auth = firebase.initializeAuth(opened, {
    persistence: firebase.indexedDBLocalPersistence,
    popupRedirectResolver: firebase.browserPopupRedirectResolver,
  });
  if (config.emulators.auth) {
    const address = `http://${config.emulators.auth}`;
    firebase.connectAuthEmulator(auth, address, { disableWarnings: true });
  }
  const isLink = firebase.isSignInWithEmailLink(auth, location.href);
  const link = signal<Session["link"]["value"]>(isLink ? "whose" : null);
  async function followLink(address: string): Promise<void> {
    const url = location.href;
    // The link works once; without this, a reload would try it again.
    history.replaceState(null, "", location.pathname);
    link.value = "bad";
    await firebase.signInWithEmailLink(auth, address, url);
    link.value = null;
    remember("email", null);
  }
  // A link that was opened in another browser, or too late, shows the sign-in view.
  const address = recall<string>("email");
  if (isLink && address) await followLink(address).catch(() => undefined);
  firebase.onIdTokenChanged(auth, async (found) => {
    const next = found && (await toUser(found));
    // Meanwhile someone else may have signed in, or this user may have signed out.
    if (auth.currentUser?.uid === found?.uid) user.value = next;
  });

  return {
    user,
    link,
    async token(id, fresh) {
      const current = auth.currentUser;
      if (current?.uid !== id) throw new Error("this user isn't signed in");
      return current.getIdToken(fresh);
    },
    async signIn(how: SignIn) {
      if (how.by === "google") {
        await firebase.signInWithPopup(auth, new firebase.GoogleAuthProvider());
      } else if (how.by === "email" && link.value === "whose") {
        await followLink(how.address);
      } else if (how.by === "email") {
        await firebase.sendSignInLinkToEmail(auth, how.address, {
          url: location.origin,
          handleCodeInApp: true,
        });
        remember("email", how.address);
      }
    },
    signOut: () => firebase.signOut(auth),
    async firestore() {
      const { connectFirestoreEmulator, getFirestore } = await import(
        "./firebase/firestore"
      );
      const store = getFirestore(opened);
      const [host, port] = config.emulators.firestore?.split(":") ?? [];
      if (host) connectFirestoreEmulator(store, host, Number(port));
      return store;
    },
  };
}

async function toUser(found: FirebaseUser): Promise<User> {
  // Without a network, an expired token can't be renewed. Once it is, this is called again.
  const result = await found.getIdTokenResult().catch(() => null);
  return {
    id: found.uid,
    admin: result?.claims.admin === true,
  };
}
