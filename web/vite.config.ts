import { defineConfig, loadEnv } from "vite";

const { REELAY_PAGE } = loadEnv("", ".", "REELAY_");

const FIRST = /node_modules.@?preact|src.(router|i18n|ko|en|storage|app-state|config|session|shell)\.tsx?$/;

export default defineConfig({
  build: {
    target: "es2022",
    manifest: true,
    // Every browser that the page supports preloads modules itself.
    modulePreload: { polyfill: false },
    // data: URLs would need an exception in the Content-Security-Policy.
    assetsInlineLimit: 0,
    // The HEIC decoder is large, but is loaded only for HEIC images.
    chunkSizeWarningLimit: 3000,
    // Every visit needs these modules. In one file they are smaller and take one request less.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "first", test: FIRST }] } } },
  },
  server: {
    host: "127.0.0.1",
    proxy: REELAY_PAGE
      ? { "/config.json": REELAY_PAGE, "/development": REELAY_PAGE }
      : {},
  },
});
