// What a user leaves in this browser, and how it goes.

import { onChange, recall, remember } from "../storage";
import { keepBlobs } from "./blobs";
import * as clicks from "./click";
import * as drafts from "./draft";

/** Words or images, of the draft, the last order or a click that waits. */
export function isAnythingKept(user: string): boolean {
  const kept = [
    recall<Partial<drafts.Draft>>(`draft.${user}`),
    recall<clicks.Order>(`ordered.${user}`)?.draft,
    recall<clicks.Click>(`click.${user}`, sessionStorage)?.draft,
  ];
  return kept.some(
    (one) => one && (one.prompt || one.english || one.image || one.imageUrl || one.lastImage),
  );
}

/** Videos that wait to be deleted stay named: their deletion was asked for. */
export async function forgetAll(user: string): Promise<void> {
  remember(`erased.${user}`, Date.now());
  await forgetHere(user);
}

// Another tab has erased: what waits in this one goes, too.
onChange("erased.", (user) => void forgetHere(user));

async function forgetHere(user: string): Promise<void> {
  clicks.forgetUser(user);
  drafts.forgetUser(user);
  await forgetImages(user);
}

/** An image taken out of the draft stays until the next one: for nobody, after leaving. */
export async function forgetImages(user: string): Promise<void> {
  await keepBlobs(user, new Map(), []);
}
