import { expect, test } from "vitest";
import { ApiProblem } from "../src/api";
import { type Failure, troubles } from "../src/make/trouble";

const PLACES = ["image", "lastImage", "prompt", "order"] as const;

function problem(detail: string, ...fields: string[]): Failure {
  const errors = fields.map((field) => ({ field, message: "is wrong" }));
  return { problem: new ApiProblem(422, "invalid", detail, errors, null) };
}

function placesOf(failure: Failure) {
  return PLACES.filter((place) => troubles([failure], place).length > 0);
}

test.each([
  [{ said: "tooSmall", place: "image" }, "image"],
  [{ said: "notAnImage", place: "lastImage" }, "lastImage"],
  [{ said: "addressMissing" }, "image"],
  [{ said: "promptMissing" }, "prompt"],
  [{ said: "serviceDown" }, "order"],
  [problem("", "image_url"), "image"],
  [problem("", "prompt"), "prompt"],
  [problem("", "duration"), "order"],
  [problem("Too many requests."), "order"],
] as const)("%o is said at one place: %s", (failure, place) => {
  expect(placesOf(failure)).toEqual([place]);
});

test("what the price and the click were both refused for is said once", () => {
  const both = [problem("", "image_url"), problem("", "image_url")];

  expect(troubles(both, "image")).toEqual([["wrongField", "image_url", "is wrong"]]);
});

test("an answer without words is the service's fault", () => {
  expect(troubles([problem("")], "order")).toEqual([["serviceDown"]]);
});
