// Example videos, models and drafts, which each test adapts.

import type { Attempt, Model, Video } from "../src/api";
import { type Draft, EMPTY } from "../src/make/draft";

export const AT = "2026-11-29T12:00:00.000Z";

export function aVideo(part: Partial<Video> = {}): Video {
  return {
    job_id: "3f9c1b2ad84e4c0f",
    created_at: AT,
    updated_at: AT,
    status: "processing",
    stage: "queued",
    image: "upload",
    prompt: "The raccoon looks up",
    duration: 8,
    resolution: "720p",
    model: "auto",
    fallback: true,
    attempts: [],
    cost_usd: "0",
    error: null,
    ...part,
  } as Video;
}

export function anAttempt(part: Partial<Attempt> = {}): Attempt {
  return {
    ai_model: "runway",
    outcome: "running",
    started_at: AT,
    ended_at: null,
    cost_usd: "0",
    error: null,
    ...part,
  };
}

export function aFailedAttempt(
  ai_model: Attempt["ai_model"],
  code: NonNullable<Attempt["error"]>["code"],
  cost_usd = "0",
): Attempt {
  const error = { code, message: "" };
  return anAttempt({ ai_model, outcome: "failed", ended_at: AT, cost_usd, error });
}

function aModel(part: Partial<Model>): Model {
  return {
    model: "",
    durations: [4, 6, 8],
    resolutions: ["720p"],
    aspect_ratios: ["16:9", "9:16"],
    text_aspect_ratios: [],
    last_image: false,
    audio: false,
    limits: { prompt: 2000 },
    usd_per_second: { "720p": "0.40" },
    usual_seconds: {},
    retires_on: null,
    available: true,
    unavailable: null,
    message: null,
    ...part,
  } as Model;
}

const RUNWAY: Partial<Model> = {
  durations: [2, 3, 4, 5, 6, 7, 8, 9, 10],
  aspect_ratios: ["16:9", "9:16", "1:1", "4:3", "3:4", "21:9"],
  limits: { prompt: 1000 },
  usd_per_second: { "720p": "0.05" },
};

export const MODELS: readonly Model[] = [
  aModel({ ai_model: "runway", ...RUNWAY }),
  aModel({ ai_model: "runway-http", ...RUNWAY }),
  aModel({
    ai_model: "gemini-veo-3.1",
    resolutions: ["720p", "1080p"],
    text_aspect_ratios: ["16:9", "9:16"],
    last_image: true,
    audio: true,
    usd_per_second: { "720p": "0.40", "1080p": "0.40" },
  }),
  aModel({
    ai_model: "gemini-omni-flash",
    durations: [3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    resolutions: ["720p", "1080p"],
    text_aspect_ratios: ["16:9", "9:16"],
    audio: true,
    usd_per_second: { "720p": "0.10", "1080p": "0.15" },
  }),
];

export function aDraft(part: Partial<Draft> = {}): Draft {
  const image = { id: "an-image", width: 1200, height: 900 };
  return { ...EMPTY, prompt: "The raccoon looks up", image, ...part };
}

/** A fake `localStorage` or `sessionStorage`. */
export function aStorage(
  kept = new Map<string, string>(),
): Pick<Storage, "getItem" | "setItem" | "removeItem"> {
  return {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => void kept.set(name, value),
    removeItem: (name) => void kept.delete(name),
  };
}
