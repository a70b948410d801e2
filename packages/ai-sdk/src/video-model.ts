/** A video model that starts a Reelay job and polls its status. */

import {
  type Experimental_VideoModelV4 as VideoModelV4,
  type Experimental_VideoModelV4CallOptions as VideoModelV4CallOptions,
  type Experimental_VideoModelV4File as VideoModelV4File,
  InvalidArgumentError,
  type JSONValue,
  type SharedV4Warning,
} from "@ai-sdk/provider";
import { convertBase64ToUint8Array, detectMediaType } from "@ai-sdk/provider-utils";

import type { Api, CallOptions, Video } from "./api.ts";

type StartOptions = Parameters<NonNullable<VideoModelV4["doStart"]>>[0];
type StatusOptions = Parameters<NonNullable<VideoModelV4["doStatus"]>>[0];
type WebhookOptions = Parameters<NonNullable<VideoModelV4["handleWebhookOption"]>>[0];

/** Implements no `doGenerate`: the AI SDK polls, and creates an `Idempotency-Key` for each start. */
export class ReelayVideoModel implements VideoModelV4 {
  readonly specificationVersion = "v4";
  readonly provider = "reelay.video";
  readonly maxVideosPerCall = 1;
  readonly modelId: string;
  readonly #api: Api;
  // Keyed by the options of a start, which are the same object when the AI SDK retries it. So
  // each image is uploaded once, and a retry sends the same body and gets the same job.
  readonly #images = new WeakMap<object, Promise<Record<string, unknown>>>();

  constructor(modelId: string, api: Api) {
    this.modelId = modelId;
    this.#api = api;
  }

  /**
   * Creates a job. A retry with the same key and body returns the same job.
   *
   * Aborting stops the wait, but doesn't cancel a job that was created.
   */
  async doStart(options: StartOptions) {
    const { body, warnings } = requestOf(options);
    const { value: video, responseHeaders } = await this.#api.createVideo(
      { model: this.modelId, ...body, ...(await this.#imagesOf(options)), ...options.providerOptions["reelay"] },
      callOptionsOf(options),
    );
    return {
      operation: { job_id: video.job_id },
      warnings,
      providerMetadata: { reelay: { job_id: video.job_id } },
      response: this.#response(responseHeaders),
    };
  }

  /** The webhook's message only ends the wait: the job's status is read from the API. */
  async handleWebhookOption({ webhook }: WebhookOptions) {
    const { url, received } = await webhook();
    return { webhookUrl: url, received };
  }

  async doStatus(options: StatusOptions) {
    const jobId = jobIdOf(options.operation);
    const { value: video, responseHeaders } = await this.#api.getVideo(jobId, callOptionsOf(options));
    const { status, stage, progress, error, video_url: url } = video;
    const response = this.#response(responseHeaders);
    if (status === "failed") {
      const message = error?.message ?? "The job failed.";
      return { status: "error" as const, error: message, providerMetadata: { reelay: metadataOf(video) }, response };
    }
    if (status !== "completed" || url === null) {
      return { status: "pending" as const, providerMetadata: { reelay: { job_id: jobId, stage, progress } }, response };
    }
    return {
      status: "completed" as const,
      videos: [{ type: "url" as const, url, mediaType: "video/mp4" }],
      warnings: [],
      providerMetadata: { reelay: { job_id: jobId, stage, progress, videos: [metadataOf(video)] } },
      response,
    };
  }

  #imagesOf(options: StartOptions): Promise<Record<string, unknown>> {
    const known = this.#images.get(options);
    if (known) return known;
    const uploading = this.#upload(options);
    this.#images.set(options, uploading);
    uploading.catch(() => this.#images.delete(options));
    return uploading;
  }

  async #upload(options: StartOptions): Promise<Record<string, unknown>> {
    const last = options.frameImages?.find(({ frameType }) => frameType === "last_frame")?.image;
    return {
      ...(options.image && (await this.#image("image", options.image, options))),
      ...(last && (await this.#image("last_image", last, options))),
    };
  }

  /** One field of the request: `field` with the name of an upload, or `field` + `_url` with a URL. */
  async #image(field: "image" | "last_image", file: VideoModelV4File, options: StartOptions) {
    if (file.type === "url") return { [`${field}_url`]: file.url };
    const content = typeof file.data === "string" ? convertBase64ToUint8Array(file.data) : file.data;
    const mediaType = detectMediaType({ data: content, topLevelType: "image" }) ?? file.mediaType;
    return { [field]: await this.#api.upload(content, mediaType, callOptionsOf(options)) };
  }

  #response(headers: Record<string, string> | undefined) {
    return { timestamp: new Date(), modelId: this.modelId, headers };
  }
}

/** The request's body without its images, and a warning for each option that Reelay doesn't support. */
export function requestOf(options: VideoModelV4CallOptions & { webhookUrl?: string }) {
  const warnings: SharedV4Warning[] = [];
  const unsupported = (feature: string, details: string) => warnings.push({ type: "unsupported", feature, details });
  const { aspectRatio, resolution, duration, seed, generateAudio } = options;
  const [width = NaN, height = NaN] = resolution?.split("x").map(Number) ?? [];
  const lines = Math.min(width, height);
  if (resolution !== undefined && lines !== 720 && lines !== 1080) {
    unsupported("resolution", `Reelay makes 720p and 1080p, so ${resolution} was left out.`);
  }
  if (options.fps !== undefined) {
    unsupported("fps", "The frame rate is the provider's own.");
  }
  if (options.inputReferences?.length) {
    unsupported("inputReferences", "Reelay takes a first and a last frame, no other references.");
  }
  const body = {
    prompt: options.prompt,
    duration,
    seed,
    audio: generateAudio,
    aspect_ratio: aspectRatio === "adaptive" ? "auto" : (aspectRatio ?? shapeOf(width, height)),
    resolution: lines === 720 || lines === 1080 ? `${lines}p` : undefined,
    webhook_url: options.webhookUrl,
  };
  return { body, warnings };
}

/** The aspect ratio of a resolution, if it is exactly one that Reelay offers. */
function shapeOf(width: number, height: number): string | undefined {
  const ratios = ["16:9", "9:16", "1:1", "4:3", "3:4", "21:9"];
  return ratios.find((ratio) => {
    const [across, down] = ratio.split(":").map(Number);
    return width * down! === height * across!;
  });
}

function metadataOf(video: Video): Record<string, JSONValue> {
  const { job_id, ai_model, generated_by, cost_usd, delivered, poster_url, download_url, error } = video;
  return { job_id, ai_model, generated_by, cost_usd, delivered, poster_url, download_url, error };
}

function jobIdOf(operation: JSONValue): string {
  if (typeof operation === "object" && operation !== null && "job_id" in operation) {
    if (typeof operation.job_id === "string") return operation.job_id;
  }
  throw new InvalidArgumentError({ argument: "operation", message: "The operation is not one that Reelay started." });
}

function callOptionsOf({ headers, abortSignal }: CallOptions): CallOptions {
  return { ...(headers && { headers }), ...(abortSignal && { abortSignal }) };
}
