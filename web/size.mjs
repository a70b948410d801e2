// Checks the gzipped size of what a visitor downloads against the page's budget: `npm run size`.

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const MAX_KB = { first: 15, app: 60, whole: 250 };
const manifest = JSON.parse(readFileSync("dist/.vite/manifest.json", "utf8"));

const gzipped = (file) => gzipSync(readFileSync(`dist/${file}`), { level: 9 }).length;
const filesOf = (keys) =>
  new Set([...keys].flatMap((key) => [manifest[key].file, ...(manifest[key].css ?? [])]));
const sizeOf = (keys) =>
  [...filesOf(keys)].reduce((sum, file) => sum + gzipped(file), gzipped("index.html"));

/** `key` and everything it imports statically; with `deep`, dynamically too. */
function reachableFrom(key, deep, found = new Set()) {
  if (found.has(key)) return found;
  found.add(key);
  const { imports = [], dynamicImports = [] } = manifest[key];
  for (const next of [...imports, ...(deep ? dynamicImports : [])]) {
    reachableFrom(next, deep, found);
  }
  return found;
}

const entry = reachableFrom("index.html", false);
const all = reachableFrom("index.html", true);
const isHeic = (key) => key.includes("heic");
// Firebase's own chunks are only imported by these modules.
const isFirebase = (key) => /src\/firebase/.test(key);
const ofFirebase = new Set(
  [...all].filter(isFirebase).flatMap((key) => [...reachableFrom(key, false)]),
);
const isOurs = (key) => entry.has(key) || !(ofFirebase.has(key) || isHeic(key));

const first = sizeOf(entry);
const app = sizeOf([...all].filter(isOurs));
const whole = sizeOf([...all].filter((key) => !isHeic(key)));

let isTooLarge = false;
for (const [name, bytes] of Object.entries({ first, app, whole })) {
  const kb = bytes / 1000;
  isTooLarge ||= kb > MAX_KB[name];
  console.log(`${name.padEnd(6)} ${kb.toFixed(1)} KB of ${MAX_KB[name]} KB`);
}
process.exit(isTooLarge ? 1 : 0);
