// Decides where each error is shown: next to the field that it concerns.

import type { ApiProblem } from "../api";
import type { Message } from "../i18n";
import type { ImageFault } from "./image";

/** The video's first and last frame. */
export type ImagePlace = "image" | "lastImage";
export type Place = ImagePlace | "prompt" | "order";
export type Failure =
  | { problem: ApiProblem }
  | { key: ImageFault; place: ImagePlace }
  /** The draft was changed while its price was calculated. */
  | { key: "notMade"; why: string }
  | { key: "serviceDown" | "promptMissing" | "addressMissing" | "priceRose" | "maximumRose" | "overslept" };

const PLACES: Partial<Record<string, Place>> = {
  promptMissing: "prompt",
  addressMissing: "image",
  prompt: "prompt",
  image: "image",
  image_url: "image",
  last_image: "lastImage",
};

/** The errors to show at `place`, without duplicates. */
export function errorsAt(failures: readonly (Failure | null)[], place: Place): Message[] {
  const found = failures
    .flatMap((failure) => (failure ? placedErrors(failure) : []))
    .filter((one) => one.place === place)
    .map(({ message }) => [JSON.stringify(message), message] as const);
  return [...new Map(found).values()];
}

function placedErrors(failure: Failure): { place: Place; message: Message }[] {
  if ("key" in failure) {
    const place = "place" in failure ? failure.place : PLACES[failure.key];
    const message: Message = "why" in failure ? [failure.key, failure.why] : [failure.key];
    return [{ place: place ?? "order", message }];
  }
  const { detail, errors } = failure.problem;
  if (!errors.length) {
    return [{ place: "order", message: detail ? ["inItsWords", detail] : ["serviceDown"] }];
  }
  return errors.map(({ field, message: detail }) => ({
    place: PLACES[field] ?? "order",
    message: ["wrongField", field, detail],
  }));
}
