/** A client for the calls of Reelay's HTTP API that a video model needs. */

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

/** Options of one call. The AI SDK passes the `Idempotency-Key` of a start in `headers`. */
export interface CallOptions {
  headers?: Record<string, string | undefined>;
  abortSignal?: AbortSignal;
}

/** The fields of a job that this package reads; `docs/api.md` lists all of them. */
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

// Errors that are worth a retry. A reached cap, a paused service or a conflict is not.
const RETRYABLE_CODES = ["too_many_requests", "unavailable", "internal"];

const failedResponseHandler = createJsonErrorResponseHandler({
  errorSchema: jsonSchema<Problem>({}),
  errorToMessage: ({ detail, errors = [] }) =>
    [detail, ...errors.map(({ field, message }) => `${field}: ${message}`)].join(" "),
  isRetryable: (response, problem) => (problem ? RETRYABLE_CODES.includes(problem.code) : response.status >= 500),
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

  /** Uploads an image. Resolves to its name, which requests use to refer to it. */
  async upload(content: Uint8Array, contentType: string, options: CallOptions): Promise<string> {
    const body = { content_type: contentType, size: content.byteLength };
    const { value: upload } = await this.#post<Upload>("/v1/uploads", body, { ...options, headers: {} });
    const fetch = this.#settings().fetch ?? globalThis.fetch;
    const response = await fetch(upload.upload_url, {
      method: "PUT",
      headers: upload.headers,
      body: content as Uint8Array<ArrayBuffer>,
      signal: options.abortSignal ?? null,
    }).catch((cause: unknown) => {
      options.abortSignal?.throwIfAborted();
      throw this.#uploadError(upload, { cause, isRetryable: true });
    });
    if (!response.ok) {
      throw this.#uploadError(upload, { statusCode: response.status });
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

  /** The URL's signature is a secret, so the error names only its origin and path. */
  #uploadError(upload: Upload, details: { cause?: unknown; statusCode?: number; isRetryable?: boolean }) {
    const { origin, pathname } = new URL(upload.upload_url);
    return new APICallError({
      message: "The image could not be uploaded. No video was requested.",
      url: origin + pathname,
      requestBodyValues: {},
      ...details,
    });
  }
}
