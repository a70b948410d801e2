// Takes images from files, and the first frame also from an address, into the draft.

import { computed, signal } from "@preact/signals";
import type { App } from "../app-state";
import { go, pathOf, videoId } from "../router";
import { keepBlob, newBlobId } from "./blobs";
import { click, startedJobs } from "./click";
import { change, draft, type PickedImage } from "./draft";
import type { ImagePlace } from "./errors";
import { type ReadImage, readImage } from "./image";

/** `onStart`: an image is about to change. `onError`: it could not be read. */
export function openPicking(
  { api, session }: App,
  onStart: () => void,
  onError: (error: unknown, place: ImagePlace) => void,
) {
  /** The image that each place is waiting for; a later choice replaces an earlier one. */
  const reading = signal<Partial<Record<ImagePlace, Promise<ReadImage> | null>>>({});
  const isReading = computed(() => Boolean(reading.value.image ?? reading.value.lastImage));
  const isReadingImage = computed(() => Boolean(reading.value.image));
  /** Whether the image comes from an address, even if none is typed yet. */
  const usesAddress = signal(Boolean(draft.peek().imageUrl));
  /** Whether the address is still being typed, so that its errors aren't shown yet. */
  const isTyping = signal(false);
  let isClosed = false;

  const pick = (file: Blob, place: ImagePlace = "image") => placeImage(readImage(file), place);

  async function placeImage(image: Promise<ReadImage>, place: ImagePlace): Promise<void> {
    awaitAt(place, image);
    onStart();
    const shown = videoId.peek();
    const isAwaited = () => reading.peek()[place] === image;
    try {
      const { blob, width, height } = await image;
      // Meanwhile another image may have been chosen, or another user may have signed in.
      if (!isAwaited() || session.user.peek()?.id !== api.user) return;
      const picked: PickedImage = { id: newBlobId(api.user), width, height };
      if (place === "image") usesAddress.value = false;
      change({ [place]: picked, ...(place === "image" && { imageUrl: "", offset: 0.5 }) });
      // Meanwhile another video may have been opened.
      if (place === "image" && !isClosed && shown === videoId.peek()) go(pathOf("make"));
      await keepBlob(api.user, picked.id, blob, usedImages());
    } catch (error) {
      if (isAwaited()) onError(error, place);
    } finally {
      if (isAwaited()) awaitAt(place, null);
    }
  }

  function awaitAt(place: ImagePlace, image: Promise<ReadImage> | null): void {
    reading.value = { ...reading.peek(), [place]: image };
  }

  function setAddress(imageUrl: string): void {
    awaitAt("image", null);
    onStart();
    usesAddress.value = true;
    change({ image: null, imageUrl });
    go(pathOf("make"));
  }

  function clearImage(): void {
    awaitAt("image", null);
    onStart();
    usesAddress.value = false;
    change({ image: null, imageUrl: "" });
  }

  const close = () => void (isClosed = true);
  return {
    isReading,
    isReadingImage,
    usesAddress,
    isTyping,
    pick,
    placeImage,
    setAddress,
    clearImage,
    close,
  };
}

/** The IDs of the images that this tab's user may still need. */
function usedImages(): string[] {
  const started = startedJobs.value.map((job) => job.draft);
  const kept = [draft.value, click.value?.draft, ...started];
  const used = kept.flatMap((one) => [one?.image?.id, one?.lastImage?.id]);
  return used.filter((id) => id !== undefined);
}
