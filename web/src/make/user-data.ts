// Finds and erases what a user has left in this browser.

import { onChange, recall, remember } from "../storage";
import { deleteBlobs } from "./blobs";
import * as clicks from "./click";
import * as drafts from "./draft";

/** Whether the draft, a started job or a pending click holds words or images. */
export function hasUserData(user: string): boolean {
  const kept = [
    recall<Partial<drafts.Draft>>(`draft.${user}`),
    recall<drafts.Written>(`written.${user}`, sessionStorage)?.draft,
    ...clicks.storedDrafts(user),
  ];
  return kept.some(
    (one) => one && (one.prompt || one.english || one.image || one.imageUrl || one.lastImage),
  );
}

/** Erases everything but the list of videos to delete: the user asked for those deletions. */
export async function eraseUserData(user: string): Promise<void> {
  remember(`erased.${user}`, Date.now());
  await eraseHere(user);
}

// When another tab erases the user's data, this tab erases its own.
onChange("erased.", (user) => void eraseHere(user));

async function eraseHere(user: string): Promise<void> {
  clicks.forgetUser(user);
  drafts.forgetUser(user);
  await deleteBlobs(user);
}
