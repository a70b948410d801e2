import { expect, test } from "vitest";
import { cropOf, isWhole, shapeOf } from "../src/make/crop";
import { MODELS } from "./examples";

const PORTRAIT = { width: 900, height: 1200 };

test("an image that has the chosen ratio is not cropped", () => {
  expect(isWhole(cropOf("auto", PORTRAIT, 0.5), PORTRAIT)).toBe(true);
  expect(isWhole(cropOf("3:4", PORTRAIT, 0), PORTRAIT)).toBe(true);
});

test("another ratio crops the longer side at the chosen offset", () => {
  const at = (offset: number) => cropOf("1:1", PORTRAIT, offset);

  expect(at(0)).toEqual({ x: 0, y: 0, width: 900, height: 900 });
  expect(at(1)).toEqual({ x: 0, y: 300, width: 900, height: 900 });
  expect(cropOf("9:16", PORTRAIT, 0.5)).toEqual({ x: 113, y: 0, width: 675, height: 1200 });
});

test("an image narrower than 1:2 is cropped even without a chosen ratio", () => {
  const screenshot = { width: 1206, height: 2622 };

  expect(cropOf("auto", screenshot, 0.5)).toEqual({ x: 0, y: 105, width: 1206, height: 2412 });
});

test("a provider without the image's ratio makes the nearest one it has", () => {
  const [runway, , veo] = MODELS;

  expect(shapeOf("auto", { width: 1200, height: 900 }, runway)).toBe("4:3");
  expect(shapeOf("auto", { width: 1200, height: 900 }, veo)).toBe("16:9");
  expect(shapeOf("auto", PORTRAIT, veo)).toBe("9:16");
});

test("a chosen ratio is shown, and otherwise none until the image is known", () => {
  expect(shapeOf("1:1", null, MODELS[0])).toBe("1:1");
  expect(shapeOf("auto", null, MODELS[0])).toBe("");
});
