import { afterEach, expect, test, vi } from "vitest";
import { createApi, Unreachable } from "../src/api";
import { developmentSession } from "../src/development-session";
import type { Config } from "../src/config";
import { aStorage } from "./examples";

afterEach(() => vi.unstubAllGlobals());

const [ann, bob] = ["ann", "bob"].map((id) => ({ id, name: id, admin: false })) as [
  { id: string; name: string; admin: boolean },
  { id: string; name: string; admin: boolean },
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
