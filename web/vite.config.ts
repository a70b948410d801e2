import { defineConfig, loadEnv } from "vite";

const { REELAY_PAGE } = loadEnv("", ".", "REELAY_");

const FIRST = /node_modules.@?preact|src.(router|i18n|storage|app-state|config|session|shell)\.tsx?$/;

export default defineConfig({
  build: {
    target: "es2022",
    manifest: true,
    // Every browser that the page supports preloads modules itself.
    modulePreload: { polyfill: false },
    // data: URLs would need an exception in the Content-Security-Policy.
    assetsInlineLimit: 0,
    // The decoder of HEIC is large, and loaded for such images alone.
    chunkSizeWarningLimit: 3000,
    // What every visit begins with is one file: smaller, and one question less.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "first", test: FIRST }] } } },
  },
  server: {
    host: "127.0.0.1",
    proxy: REELAY_PAGE
      ? { "/config.json": REELAY_PAGE, "/development": REELAY_PAGE }
      : {},
  },
});
