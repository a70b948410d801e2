// The API: each call a function, each refusal an `ApiProblem`, no answer an `Unreachable`.

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

/** The API answered, and said no (RFC 9457). */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    /** In the page's language, for people. */
    readonly detail: string,
    readonly errors: readonly { field: string; message: string }[],
    readonly retryAfterSeconds: number | null,
  ) {
    super(`${status} ${code}`);
  }
}

/** No answer: offline, or the service is. What was sent may have arrived. */
export class Unreachable extends Error {}

/** The same may be asked for again later. */
export function isPassing(error: unknown): error is Unreachable | ApiProblem {
  if (error instanceof Unreachable) return true;
  if (!(error instanceof ApiProblem)) return false;
  return ["unavailable", "internal", "too_many_requests"].includes(error.code);
}

const TIMEOUT_MS = 30_000;
type Query = Record<string, string | number | null | undefined>;

interface Asked {
  body?: unknown;
  query?: Query;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export type Api = ReturnType<typeof createApi>;

/** Calls for `user` alone: once another is signed in, or nobody, all is `Unreachable`. */
export function createApi(
  address: string,
  session: Pick<Session, "token">,
  user: string,
) {
  async function call<T>(method: string, path: string, asked: Asked = {}): Promise<T> {
    let answer = await send(method, path, asked, await token(false));
    if (answer.status === 401) {
      answer = await send(method, path, asked, await token(true));
    }
    if (!answer.ok) throw await problemOf(answer);
    return (answer.status === 204 ? undefined : await answer.json()) as T;
  }

  async function send(method: string, path: string, asked: Asked, bearer: string) {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const headers: Record<string, string> = {
      Authorization: `Bearer ${bearer}`,
      "Accept-Language": language.value,
      ...asked.headers,
    };
    const hasBody = asked.body !== undefined;
    if (hasBody) headers["Content-Type"] = "application/json";
    try {
      return await fetch(address + path + queryOf(asked.query), {
        method,
        headers,
        body: hasBody ? JSON.stringify(asked.body) : null,
        signal: asked.signal ? AbortSignal.any([asked.signal, timeout]) : timeout,
      });
    } catch (error) {
      if (asked.signal?.aborted) throw error;
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
    /** The same `key` never makes a second job, however often it is sent. */
    createVideo: (body: VideoRequest, key: string) =>
      call<Video>("POST", "/v1/videos", { body, headers: { "Idempotency-Key": key } }),
    getVideo: (id: string) => call<Video>("GET", `/v1/videos/${id}`),
    listVideos: (query: { limit?: number; cursor?: string | null; status?: string }) =>
      call<VideoPage>("GET", "/v1/videos", { query }),
    cancelVideo: (id: string) => call<Video>("POST", `/v1/videos/${id}/cancel`),
    deleteVideo: (id: string) => call<void>("DELETE", `/v1/videos/${id}`),
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

function queryOf(query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value != null);
  const text = new URLSearchParams(given.map(([k, v]) => [k, String(v)])).toString();
  return text && `?${text}`;
}

export async function problemOf(answer: Response): Promise<ApiProblem> {
  const said = (await answer.json().catch(() => ({}))) as Partial<Schemas["Problem"]>;
  const wait = Number(answer.headers.get("Retry-After") ?? Number.NaN);
  return new ApiProblem(
    answer.status,
    said.code ?? "unavailable",
    said.detail ?? "",
    said.errors ?? [],
    Number.isFinite(wait) ? wait : null,
  );
}
