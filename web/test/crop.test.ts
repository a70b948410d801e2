import { expect, test } from "vitest";
import { cropOf, isWhole } from "../src/make/crop";

const PORTRAIT = { width: 900, height: 1200 };

test("a shape of its own is shown whole", () => {
  expect(isWhole(cropOf("auto", PORTRAIT, 0.5), PORTRAIT)).toBe(true);
  expect(isWhole(cropOf("3:4", PORTRAIT, 0), PORTRAIT)).toBe(true);
});

test("another shape cuts the longer side, where the user wants it", () => {
  const at = (offset: number) => cropOf("1:1", PORTRAIT, offset);

  expect(at(0)).toEqual({ x: 0, y: 0, width: 900, height: 900 });
  expect(at(1)).toEqual({ x: 0, y: 300, width: 900, height: 900 });
  expect(cropOf("9:16", PORTRAIT, 0.5)).toEqual({ x: 113, y: 0, width: 675, height: 1200 });
});

test("what is narrower than 1:2 is cut even as it is", () => {
  const screenshot = { width: 1206, height: 2622 };

  expect(cropOf("auto", screenshot, 0.5)).toEqual({ x: 0, y: 105, width: 1206, height: 2412 });
});
