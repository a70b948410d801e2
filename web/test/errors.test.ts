import { expect, test } from "vitest";
import { ApiProblem } from "../src/api";
import { type Failure, errorsAt } from "../src/make/errors";

const PLACES = ["image", "lastImage", "prompt", "order"] as const;

function problem(detail: string, ...fields: string[]): Failure {
  const errors = fields.map((field) => ({ field, message: "is wrong" }));
  return { problem: new ApiProblem(422, "invalid", detail, errors, null) };
}

function placesOf(failure: Failure) {
  return PLACES.filter((place) => errorsAt([failure], place).length > 0);
}

test.each([
  [{ key: "tooSmall", place: "image" }, "image"],
  [{ key: "notAnImage", place: "lastImage" }, "lastImage"],
  [{ key: "addressMissing" }, "image"],
  [{ key: "promptMissing" }, "prompt"],
  [{ key: "serviceDown" }, "order"],
  [{ key: "priceRose" }, "order"],
  [{ key: "notMade", why: "No provider." }, "order"],
  [problem("", "last_image"), "lastImage"],
  [problem("", "image_url"), "image"],
  [problem("", "prompt"), "prompt"],
  [problem("", "duration"), "order"],
  [problem("Too many requests."), "order"],
] as const)("%o is shown at one place: %s", (failure, place) => {
  expect(placesOf(failure)).toEqual([place]);
});

test("an error of both the estimate and the request is shown once", () => {
  const both = [problem("", "image_url"), problem("", "image_url")];

  expect(errorsAt(both, "image")).toEqual([["wrongField", "image_url", "is wrong"]]);
});

test("an error without a message is shown as the service being down", () => {
  expect(errorsAt([problem("")], "order")).toEqual([["serviceDown"]]);
});
