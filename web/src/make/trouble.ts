// Where each refusal is said: beside what it is about.

import type { ApiProblem } from "../api";
import type { Sentence } from "../i18n";
import type { ImageFault } from "./image";

export type Place = "image" | "lastImage" | "prompt" | "order";
export type Failure =
  | { problem: ApiProblem }
  | { said: ImageFault; place: "image" | "lastImage" }
  | { said: "serviceDown" | "promptMissing" | "addressMissing" };

const PLACES: Partial<Record<string, Place>> = {
  promptMissing: "prompt",
  addressMissing: "image",
  prompt: "prompt",
  image: "image",
  image_url: "image",
};

/** Each sentence stands at one place, and once. */
export function troubles(failures: readonly (Failure | null)[], place: Place): Sentence[] {
  const found = failures
    .flatMap((failure) => (failure ? placed(failure) : []))
    .filter((one) => one.place === place)
    .map(({ said }) => [JSON.stringify(said), said] as const);
  return [...new Map(found).values()];
}

function placed(failure: Failure): { place: Place; said: Sentence }[] {
  if ("said" in failure) {
    const place = "place" in failure ? failure.place : PLACES[failure.said];
    return [{ place: place ?? "order", said: [failure.said] }];
  }
  const { detail, errors } = failure.problem;
  if (!errors.length) {
    return [{ place: "order", said: detail ? ["inItsWords", detail] : ["serviceDown"] }];
  }
  return errors.map(({ field, message }) => ({
    place: PLACES[field] ?? "order",
    said: ["wrongField", field, message],
  }));
}
