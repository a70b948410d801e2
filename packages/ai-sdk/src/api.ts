/** Reelay's HTTP API: the calls that a video model needs. */

import { APICallError } from "@ai-sdk/provider";
import {
  combineHeaders,
  createJsonErrorResponseHandler,
  createJsonResponseHandler,
  type FetchFunction,
  getFromApi,
  jsonSchema,
  postJsonToApi,
} from "@ai-sdk/provider-utils";

export interface ApiSettings {
  baseURL: string;
  headers: Record<string, string>;
  fetch: FetchFunction | undefined;
}

/** How one call is made; a start carries the `Idempotency-Key` in its headers. */
export interface CallOptions {
  headers?: Record<string, string | undefined>;
  abortSignal?: AbortSignal;
}

/** The fields of a job that are read here; `docs/api.md` has all. */
export interface Video {
  job_id: string;
  status: "processing" | "completed" | "failed";
  stage: string;
  progress: number;
  ai_model: string | null;
  video_url: string | null;
  download_url: string | null;
  poster_url: string | null;
  generated_by: { vendor: string; model: string } | null;
  delivered: { duration: number; width: number; height: number; audio: boolean; size: number; crc32c: string } | null;
  cost_usd: string;
  error: { code: string; message: string } | null;
}

interface Upload {
  image: string;
  upload_url: string;
  headers: Record<string, string>;
}

interface Problem {
  detail: string;
  code: string;
  errors?: { field: string; message: string }[];
}

// What passes by itself. A full cap, a paused service or a conflict does not.
const PASSING = ["too_many_requests", "unavailable", "internal"];

const failedResponseHandler = createJsonErrorResponseHandler({
  errorSchema: jsonSchema<Problem>({}),
  errorToMessage: ({ detail, errors = [] }) =>
    [detail, ...errors.map(({ field, message }) => `${field}: ${message}`)].join(" "),
  isRetryable: (response, problem) => (problem ? PASSING.includes(problem.code) : response.status >= 500),
});

export class Api {
  readonly #settings: () => ApiSettings;

  constructor(settings: () => ApiSettings) {
    this.#settings = settings;
  }

  createVideo(body: Record<string, unknown>, options: CallOptions) {
    return this.#post<Video>("/v1/videos", body, options);
  }

  getVideo(jobId: string, { headers, abortSignal }: CallOptions) {
    const settings = this.#settings();
    return getFromApi({
      url: `${settings.baseURL}/v1/videos/${encodeURIComponent(jobId)}`,
      headers: combineHeaders(settings.headers, headers),
      successfulResponseHandler: createJsonResponseHandler(jsonSchema<Video>({})),
      failedResponseHandler,
      validateUrl: false,
      ...(abortSignal && { abortSignal }),
      ...(settings.fetch && { fetch: settings.fetch }),
    });
  }

  /** The name under which a request can refer to the image. */
  async upload(content: Uint8Array, contentType: string, options: CallOptions): Promise<string> {
    const asked = { content_type: contentType, size: content.byteLength };
    const { value: upload } = await this.#post<Upload>("/v1/uploads", asked, { ...options, headers: {} });
    const fetch = this.#settings().fetch ?? globalThis.fetch;
    const response = await fetch(upload.upload_url, {
      method: "PUT",
      headers: upload.headers,
      body: content as Uint8Array<ArrayBuffer>,
      signal: options.abortSignal ?? null,
    }).catch((cause: unknown) => {
      options.abortSignal?.throwIfAborted();
      throw this.#notUploaded(upload, { cause, isRetryable: true });
    });
    if (!response.ok) {
      throw this.#notUploaded(upload, { statusCode: response.status });
    }
    return upload.image;
  }

  #post<T>(path: string, body: Record<string, unknown>, { headers, abortSignal }: CallOptions) {
    const settings = this.#settings();
    return postJsonToApi({
      url: settings.baseURL + path,
      headers: combineHeaders(settings.headers, headers),
      body,
      successfulResponseHandler: createJsonResponseHandler(jsonSchema<T>({})),
      failedResponseHandler,
      ...(abortSignal && { abortSignal }),
      ...(settings.fetch && { fetch: settings.fetch }),
    });
  }

  /** The signature of the address is a secret, so only its host and path are named. */
  #notUploaded(upload: Upload, why: { cause?: unknown; statusCode?: number; isRetryable?: boolean }) {
    const { origin, pathname } = new URL(upload.upload_url);
    return new APICallError({
      message: "The image could not be uploaded. No video was requested.",
      url: origin + pathname,
      requestBodyValues: {},
      ...why,
    });
  }
}
