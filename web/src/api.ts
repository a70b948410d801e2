// The API client: one function per call. Errors are an `ApiProblem`, or `Unreachable` without a response.

import type { components } from "./api-types";
import { language } from "./i18n";
import type { Session } from "./session";

type Schemas = components["schemas"];
export type Video = Schemas["Video"];
export type Attempt = Schemas["Attempt"];
export type VideoRequest = Schemas["VideoRequest"];
export type VideoPage = Schemas["VideoPage"];
export type Estimate = Schemas["Estimate"];
export type Model = Schemas["Model"];
export type AiModel = Schemas["AiModel"];
export type Usage = Schemas["Usage"];
export type Generation = Schemas["Generation"];
export type GenerationRequest = Schemas["GenerationRequest"];
export type Translated = Schemas["Prompt"];
export type Upload = Schemas["Upload"];

/** A job; `isReplayed`: an earlier request with the same key had created it. */
export interface Created {
  video: Video;
  isReplayed: boolean;
}

/** An error response of the API (RFC 9457). */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    /** A message for the user, in the page's language. */
    readonly detail: string,
    readonly errors: readonly { field: string; message: string }[],
    readonly retryAfterSeconds: number | null,
  ) {
    super(`${status} ${code}`);
  }
}

/** No response: the browser or the service is offline. The request may still have arrived. */
export class Unreachable extends Error {}

/** Whether the same request may succeed later. */
export function isTransient(error: unknown): error is Unreachable | ApiProblem {
  if (error instanceof Unreachable) return true;
  if (!(error instanceof ApiProblem)) return false;
  return ["unavailable", "internal", "too_many_requests"].includes(error.code);
}

const TIMEOUT_MS = 30_000;
type Query = Record<string, string | number | null | undefined>;

interface CallOptions {
  body?: unknown;
  query?: Query;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export type Api = ReturnType<typeof createApi>;

/** Makes calls only for `user`: if anyone else, or no one, is signed in, every call throws `Unreachable`. */
export function createApi(
  address: string,
  session: Pick<Session, "token">,
  user: string,
) {
  async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    const response = await responseTo(method, path, options);
    return response.status === 204 ? (undefined as T) : read<T>(response);
  }

  async function responseTo(method: string, path: string, options: CallOptions): Promise<Response> {
    let response = await send(method, path, options, await token(false));
    if (response.status === 401) {
      response = await send(method, path, options, await token(true));
    }
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  async function send(method: string, path: string, options: CallOptions, bearer: string) {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const headers: Record<string, string> = {
      Authorization: `Bearer ${bearer}`,
      "Accept-Language": language.value,
      ...options.headers,
    };
    const hasBody = options.body !== undefined;
    if (hasBody) headers["Content-Type"] = "application/json";
    try {
      return await fetch(address + path + queryOf(options.query), {
        method,
        headers,
        body: hasBody ? JSON.stringify(options.body) : null,
        signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
      });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new Unreachable(path, { cause: error });
    }
  }

  async function token(fresh: boolean): Promise<string> {
    try {
      return await session.token(user, fresh);
    } catch (error) {
      throw new Unreachable("token", { cause: error });
    }
  }

  return {
    user,
    /** Safe to retry: the same `key` and body never create a second job. */
    createVideo: async (body: VideoRequest, key: string): Promise<Created> => {
      const headers = { "Idempotency-Key": key };
      const response = await responseTo("POST", "/v1/videos", { body, headers });
      const isReplayed = response.headers.get("Idempotent-Replayed") === "true";
      return { video: await read<Video>(response), isReplayed };
    },
    getVideo: (id: string) => call<Video>("GET", pathOf(id)),
    listVideos: (query: { limit?: number; cursor?: string | null; status?: string }) =>
      call<VideoPage>("GET", "/v1/videos", { query }),
    cancelVideo: (id: string) => call<Video>("POST", `${pathOf(id)}/cancel`),
    deleteVideo: (id: string) => call<void>("DELETE", pathOf(id)),
    createUpload: (body: { content_type: string; size: number }) =>
      call<Upload>("POST", "/v1/uploads", { body }),
    estimate: (body: VideoRequest, signal?: AbortSignal) =>
      call<Estimate>("POST", "/v1/estimates", { body, ...(signal && { signal }) }),
    translatePrompt: (prompt: string, signal?: AbortSignal) =>
      call<Translated>("POST", "/v1/prompts", {
        body: { prompt },
        ...(signal && { signal }),
      }),
    listModels: async () =>
      (await call<{ models: Model[] }>("GET", "/v1/models")).models,
    getUsage: (query: { from?: string; to?: string; scope?: "all" } = {}) =>
      call<Usage>("GET", "/v1/usage", { query }),
    getGeneration: () => call<Generation>("GET", "/v1/admin/generation"),
    setGeneration: (body: GenerationRequest) =>
      call<Generation>("POST", "/v1/admin/generation", { body }),
  };
}

/** Throws Unreachable if the body doesn't arrive whole: what the API did is then unknown. */
async function read<T>(response: Response): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch (error) {
    throw new Unreachable(response.url, { cause: error });
  }
}

/** Encodes the ID, which may come from any link that the user opened. */
function pathOf(id: string): string {
  return `/v1/videos/${encodeURIComponent(id)}`;
}

function queryOf(query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value != null);
  const text = new URLSearchParams(given.map(([k, v]) => [k, String(v)])).toString();
  return text && `?${text}`;
}

export async function problemOf(response: Response): Promise<ApiProblem> {
  const problem = (await response.json().catch(() => ({}))) as Partial<Schemas["Problem"]>;
  const wait = Number(response.headers.get("Retry-After") ?? Number.NaN);
  return new ApiProblem(
    response.status,
    problem.code ?? "unavailable",
    problem.detail ?? "",
    problem.errors ?? [],
    Number.isFinite(wait) ? wait : null,
  );
}
