// Computes the crop of an image for an aspect ratio, and the aspect ratio of its video.

import type { Model } from "../api";
import type { Shape } from "./draft";

export interface Rectangle {
  x: number;
  y: number;
  width: number;
  height: number;
}

// Providers accept images from 1:2 to 2:1; anything beyond is cropped.
const NARROWEST = 1 / 2;
const WIDEST = 2;

/** The width-to-height ratio of the video's frame, for an image of this size. */
export function ratioOf(shape: Shape, width: number, height: number): number {
  if (shape === "auto") return Math.min(WIDEST, Math.max(NARROWEST, width / height));
  const [across, down] = shape.split(":").map(Number);
  return (across ?? 1) / (down ?? 1);
}

/** `offset`: where the crop lies, from 0 (left or top) to 1 (right or bottom). */
export function cropOf(
  shape: Shape,
  { width, height }: { width: number; height: number },
  offset: number,
): Rectangle {
  const ratio = ratioOf(shape, width, height);
  if (Math.abs(width / height / ratio - 1) < 0.01) return { x: 0, y: 0, width, height };
  const across = Math.round(Math.min(width, height * ratio));
  const down = Math.round(Math.min(height, width / ratio));
  return {
    x: Math.round((width - across) * offset),
    y: Math.round((height - down) * offset),
    width: across,
    height: down,
  };
}

/** The aspect ratio of this provider's video; "" if it isn't known before the video is made. */
export function shapeOf(
  shape: Shape,
  image: { width: number; height: number } | null,
  model: Pick<Model, "aspect_ratios"> | undefined,
): string {
  if (shape !== "auto") return shape;
  if (!image || !model) return "";
  const ratio = ratioOf(shape, image.width, image.height);
  const cut = (one: Shape) => Math.abs(Math.log(ratio / ratioOf(one, 1, 1)));
  return [...model.aspect_ratios].sort((a, b) => cut(a) - cut(b))[0] ?? "";
}

export function isWhole(crop: Rectangle, size: { width: number; height: number }) {
  return crop.width === size.width && crop.height === size.height;
}
