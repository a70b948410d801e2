import { afterEach, expect, test, vi } from "vitest";
import { ApiProblem, createApi, isTransient, Unreachable, type VideoRequest } from "../src/api";
import { developmentSession } from "../src/development-session";
import type { Config, DevelopmentUser } from "../src/config";
import { aStorage } from "./examples";

afterEach(() => vi.unstubAllGlobals());

const [ann, bob] = ["ann", "bob"].map((id) => ({ id, name: { en: id, ko: id }, admin: false })) as [
  DevelopmentUser,
  DevelopmentUser,
];

test("no call is made as the user who signs in next", async () => {
  const tokens: unknown[] = [];
  vi.stubGlobal("localStorage", aStorage());
  vi.stubGlobal("fetch", async (url: string, { body, headers }: RequestInit) => {
    if (url === "/development/token") {
      return Response.json({ token: JSON.parse(body as string).user });
    }
    tokens.push((headers as Record<string, string>).Authorization);
    return Response.json({});
  });
  const session = developmentSession({ developmentUsers: [ann, bob] } as Config);
  const api = createApi("http://api", session, ann.id);
  const ask = () => api.getUsage();

  await session.signIn({ by: "development", user: ann });
  await ask();
  await session.signOut();
  await expect(ask()).rejects.toThrow(Unreachable);
  await session.signIn({ by: "development", user: bob });
  await expect(ask()).rejects.toThrow(Unreachable);

  expect(tokens).toEqual(["Bearer ann"]);
});

test("an ID from a link is encoded, so it reaches no other endpoint", async () => {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (url: string) => {
    asked.push(new URL(url).pathname);
    return Response.json({});
  });
  const api = createApi("http://api", { token: async () => "" }, ann.id);

  await api.getVideo("../usage?from=x");

  expect(asked).toEqual(["/v1/videos/..%2Fusage%3Ffrom%3Dx"]);
});

test("a token that the API refuses is replaced once, and the request's key stays", async () => {
  const sent: (string | undefined)[][] = [];
  vi.stubGlobal("fetch", async (_: string, { headers, body }: RequestInit) => {
    const { Authorization, "Idempotency-Key": key } = headers as Record<string, string>;
    sent.push([Authorization, key, body as string]);
    if (sent.length === 1) return Response.json({ code: "unauthenticated" }, { status: 401 });
    return Response.json({ job_id: "1" }, { headers: { "Idempotent-Replayed": "true" } });
  });
  const token = async (_: string, isFresh: boolean) => (isFresh ? "fresh" : "old");
  const body = { prompt: "a raccoon" } as VideoRequest;

  const made = await createApi("http://api", { token }, ann.id).createVideo(body, "key-1");

  expect(made).toEqual({ video: { job_id: "1" }, isReplayed: true });
  const request = ["key-1", '{"prompt":"a raccoon"}'];
  expect(sent).toEqual([["Bearer old", ...request], ["Bearer fresh", ...request]]);
});

test("a response that breaks off is none: the job may exist, so the click keeps its key", async () => {
  vi.stubGlobal("fetch", async () => new Response('{"job_id": "3f9', { status: 202 }));
  const api = createApi("http://api", { token: async () => "" }, ann.id);

  await expect(api.createVideo({} as VideoRequest, "key-1")).rejects.toThrow(Unreachable);
  await expect(api.getVideo("3f9")).rejects.toThrow(Unreachable);
});

test.each([
  [new Unreachable(), true],
  [new ApiProblem(503, "unavailable", "", [], null), true],
  [new ApiProblem(500, "internal", "", [], null), true],
  [new ApiProblem(429, "too_many_requests", "", [], 1), true],
  [new ApiProblem(429, "daily_limit_reached", "", [], 1), false],
  [new ApiProblem(503, "generation_paused", "", [], null), false],
  [new ApiProblem(409, "conflict", "", [], null), false],
  [new Error("a mistake of the page"), false],
])("whether %s may go away by itself: %s", (error, expected) => {
  expect(isTransient(error)).toBe(expected);
});

test("a call that its caller ended is not taken for an outage", async () => {
  const end = new AbortController();
  const ended = new Error("ended");
  vi.stubGlobal("fetch", async () => {
    end.abort();
    throw ended;
  });
  const api = createApi("http://api", { token: async () => "" }, ann.id);

  await expect(api.estimate({} as VideoRequest, end.signal)).rejects.toBe(ended);
});
