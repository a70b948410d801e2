import { beforeEach, expect, test, vi } from "vitest";

// A browser of an English speaker; each test is a page of its own.
beforeEach(() => {
  vi.stubGlobal("navigator", { languages: ["en"] });
  vi.stubGlobal("document", { documentElement: {} });
  vi.resetModules();
});

test("views that are learnt at once all have their sentences", async () => {
  const { learn, speak, t } = await import("../src/i18n");
  await speak();

  await Promise.all([learn("make"), learn("signIn"), learn("usage")]);

  expect([t("makeVideo"), t("stay"), t("usageTitle")]).toEqual([
    "Make the video",
    "Stay signed in",
    "Usage",
  ]);
});

test("a language that is chosen while a view is learnt is the view's, too", async () => {
  let arrive = () => {};
  const late = new Promise<void>((resolve) => (arrive = resolve));
  const english = { messages: { makeVideo: "Make the video" } };
  vi.doMock("../src/make/en", () => late.then(() => english));
  const { learn, speak, t } = await import("../src/i18n");
  await speak();
  const learnt = learn("make");
  await speak("ko");

  arrive();
  await learnt;

  expect(t("makeVideo")).toBe("영상 만들기");
});

test("what could not be learnt is asked for again", async () => {
  const usage = vi.fn().mockRejectedValueOnce(new Error("offline"));
  usage.mockResolvedValue({ messages: { usageTitle: "Usage" } });
  vi.doMock("../src/usage/en", () => usage());
  const { learn, speak, t } = await import("../src/i18n");
  await speak();
  await expect(learn("usage")).rejects.toThrow();

  await learn("usage");

  expect(t("usageTitle")).toBe("Usage");
});
