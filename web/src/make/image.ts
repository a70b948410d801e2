// Prepares a chosen image for the upload: HEIC becomes JPEG, large images shrink.

import type { Rectangle } from "./crop";
import type { ImagePlace } from "./errors";

export const MAX_SIDE_PIXELS = 3840;
export const MIN_SIDE_PIXELS = 128;
const MAX_BYTES = 16_000_000;
const UPLOADED_UNCHANGED = ["image/jpeg", "image/png", "image/webp", "image/avif"];
const QUALITY = 0.92;

export type ImageFault = "notAnImage" | "tooSmall" | "lost";

export class BadImage extends Error {
  constructor(
    readonly fault: ImageFault,
    readonly place: ImagePlace = "image",
  ) {
    super(fault);
  }
}

export interface ReadImage {
  blob: Blob;
  width: number;
  height: number;
}

/** Throws BadImage. */
export async function readImage(given: Blob): Promise<ReadImage> {
  const file = await copyOf(given);
  const source = (await isHeic(file)) ? await fromHeic(file) : file;
  const bitmap = await decode(source);
  const { width, height } = bitmap;
  try {
    if (Math.min(width, height) < MIN_SIDE_PIXELS) throw new BadImage("tooSmall");
    const scale = Math.min(1, MAX_SIDE_PIXELS / Math.max(width, height));
    const isAccepted = UPLOADED_UNCHANGED.includes(source.type) && source.size <= MAX_BYTES;
    if (scale === 1 && isAccepted) return { blob: source, width, height };
    const size = {
      width: Math.round(width * scale),
      height: Math.round(height * scale),
    };
    const whole = { x: 0, y: 0, width, height };
    return { blob: await drawn(bitmap, whole, size), ...size };
  } finally {
    bitmap.close();
  }
}

/** A chosen file can't be read any more once it is changed or removed on the disk. */
async function copyOf(file: Blob): Promise<Blob> {
  const bytes = await file.arrayBuffer().catch(() => {
    throw new BadImage("lost");
  });
  return new Blob([bytes], { type: file.type });
}

/** The image cut to `crop`, as a JPEG. Throws BadImage. */
export async function cropped(blob: Blob, crop: Rectangle): Promise<Blob> {
  const bitmap = await decode(blob);
  try {
    return await drawn(bitmap, crop, crop);
  } finally {
    bitmap.close();
  }
}

async function decode(blob: Blob): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(blob, { imageOrientation: "from-image" });
  } catch (error) {
    throw new BadImage("notAnImage");
  }
}

async function drawn(
  bitmap: ImageBitmap,
  part: Rectangle,
  size: { width: number; height: number },
): Promise<Blob> {
  const canvas = document.createElement("canvas");
  canvas.width = size.width;
  canvas.height = size.height;
  const context = canvas.getContext("2d");
  if (!context) throw new BadImage("notAnImage");
  // JPEG has no transparency: without a background, transparent pixels would turn black.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, size.width, size.height);
  context.imageSmoothingQuality = "high";
  const { x, y, width, height } = part;
  context.drawImage(bitmap, x, y, width, height, 0, 0, size.width, size.height);
  return new Promise((resolve, reject) => {
    const done = (made: Blob | null) =>
      made ? resolve(made) : reject(new BadImage("notAnImage"));
    canvas.toBlob(done, "image/jpeg", QUALITY);
  });
}

const HEIC_BRANDS = ["heic", "heix", "heim", "heis", "hevc", "mif1", "msf1"];

/** Checks the first bytes, because browsers often give a HEIC file no type. */
export async function isHeic(file: Blob): Promise<boolean> {
  const head = new TextDecoder("latin1").decode(await file.slice(4, 12).arrayBuffer());
  return head.startsWith("ftyp") && HEIC_BRANDS.includes(head.slice(4));
}

async function fromHeic(file: Blob): Promise<Blob> {
  try {
    // Safari can decode HEIC itself.
    (await createImageBitmap(file)).close();
    return file;
  } catch {
    const { heicTo } = await import("heic-to/csp");
    return heicTo({ blob: file, type: "image/jpeg", quality: QUALITY }).catch(() => {
      throw new BadImage("notAnImage");
    });
  }
}
