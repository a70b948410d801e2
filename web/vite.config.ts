import { defineConfig, loadEnv } from "vite";

const { REELAY_PAGE } = loadEnv("", ".", "REELAY_");

const FIRST = /node_modules.@?preact|src.(router|i18n|ko|en|storage|app-state|config|session|shell)\.tsx?$/;
// The other views need these, too.
const SHARED = /src.(format|make.(stage|offers))\.tsx?$/;
const MAKE = /src.make.(?!ko|en).*\.tsx?$/;

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
    // Modules that are needed together: in one file they are smaller and take fewer requests.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "first", test: FIRST },
            { name: "shared", test: SHARED },
            { name: "make", test: MAKE },
          ],
        },
      },
    },
  },
  server: {
    host: "127.0.0.1",
    proxy: REELAY_PAGE
      ? { "/config.json": REELAY_PAGE, "/development": REELAY_PAGE }
      : {},
  },
});
