// What the page uses of Firestore; a module of our own is tree-shaken.

export { deleteApp, initializeApp } from "firebase/app";
export {
  connectFirestoreEmulator,
  doc,
  getFirestore,
  onSnapshot,
} from "firebase/firestore";
