import { beforeEach, expect, test, vi } from "vitest";

// An English browser; each test loads the module anew.
beforeEach(() => {
  vi.stubGlobal("navigator", { languages: ["en"] });
  vi.stubGlobal("document", { documentElement: {} });
  vi.resetModules();
});

test("views whose messages load at the same time all get them", async () => {
  const { loadMessages, setLanguage, t } = await import("../src/i18n");
  await setLanguage();

  await Promise.all([loadMessages("make"), loadMessages("signIn"), loadMessages("usage")]);

  expect([t("makeVideo"), t("stay"), t("usageTitle")]).toEqual([
    "Make the video",
    "Stay signed in",
    "Usage",
  ]);
});

test("a language chosen while a view's messages load applies to them, too", async () => {
  let arrive = () => {};
  const late = new Promise<void>((resolve) => (arrive = resolve));
  const english = { messages: { makeVideo: "Make the video" } };
  vi.doMock("../src/make/en", () => late.then(() => english));
  const { loadMessages, setLanguage, t } = await import("../src/i18n");
  await setLanguage();
  const loading = loadMessages("make");
  await setLanguage("ko");

  arrive();
  await loading;

  expect(t("makeVideo")).toBe("영상 만들기");
});

test("messages that could not be loaded are requested again", async () => {
  const usage = vi.fn().mockRejectedValueOnce(new Error("offline"));
  usage.mockResolvedValue({ messages: { usageTitle: "Usage" } });
  vi.doMock("../src/usage/en", () => usage());
  const { loadMessages, setLanguage, t } = await import("../src/i18n");
  await setLanguage();
  await expect(loadMessages("usage")).rejects.toThrow();

  await loadMessages("usage");

  expect(t("usageTitle")).toBe("Usage");
});

test("a view whose messages load while the language changes keeps them", async () => {
  let arrive = () => {};
  const late = new Promise<void>((resolve) => (arrive = resolve));
  vi.doMock("../src/sign-in/ko", () => late.then(() => ({ messages: {} })));
  const { loadMessages, setLanguage, t } = await import("../src/i18n");
  await setLanguage();
  await loadMessages("signIn");
  const changing = setLanguage("ko");
  await loadMessages("usage");

  arrive();
  await changing;

  expect(t("usageTitle")).toBe("사용량");
});

test("of two languages, the one that was chosen last stays, whichever arrives last", async () => {
  let arrive = () => {};
  const late = new Promise<void>((resolve) => (arrive = resolve));
  vi.doMock("../src/sign-in/ko", () => late.then(() => ({ messages: {} })));
  const { language, loadMessages, setLanguage, t } = await import("../src/i18n");
  await setLanguage();
  await loadMessages("signIn");
  const changing = setLanguage("ko");
  await setLanguage("en");
  await loadMessages("usage");

  arrive();
  await changing;

  expect([language.value, t("usageTitle")]).toEqual(["en", "Usage"]);
});
