// The parts of Firestore that the page uses, re-exported so that the rest is tree-shaken.

export { deleteApp, initializeApp } from "firebase/app";
export {
  connectFirestoreEmulator,
  doc,
  getFirestore,
  onSnapshot,
} from "firebase/firestore";
