// What a visitor downloads, gzipped, against what the page allows itself: `npm run size`.

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const MOST_KB = { first: 15, app: 60, whole: 250 };
const manifest = JSON.parse(readFileSync("dist/.vite/manifest.json", "utf8"));

const gzipped = (file) => gzipSync(readFileSync(`dist/${file}`), { level: 9 }).length;
const filesOf = (keys) =>
  new Set([...keys].flatMap((key) => [manifest[key].file, ...(manifest[key].css ?? [])]));
const sizeOf = (keys) =>
  [...filesOf(keys)].reduce((sum, file) => sum + gzipped(file), gzipped("index.html"));

/** `key` and what it imports, at once or (`deep`) later. */
function reached(key, deep, found = new Set()) {
  if (found.has(key)) return found;
  found.add(key);
  const { imports = [], dynamicImports = [] } = manifest[key];
  for (const next of [...imports, ...(deep ? dynamicImports : [])]) {
    reached(next, deep, found);
  }
  return found;
}

const entry = reached("index.html", false);
const all = reached("index.html", true);
const isHeic = (key) => key.includes("heic");
// Firebase's own chunks are reached only through these modules of ours.
const isFirebase = (key) => /src\/firebase/.test(key);
const ofFirebase = new Set(
  [...all].filter(isFirebase).flatMap((key) => [...reached(key, false)]),
);
const isOurs = (key) => entry.has(key) || !(ofFirebase.has(key) || isHeic(key));

// The larger of the two tables of sentences; a visitor loads one.
const first = sizeOf(new Set([...entry, "src/ko.ts"]));
const app = sizeOf([...all].filter(isOurs));
const whole = sizeOf([...all].filter((key) => !isHeic(key)));

let isTooLarge = false;
for (const [name, bytes] of Object.entries({ first, app, whole })) {
  const kb = bytes / 1000;
  isTooLarge ||= kb > MOST_KB[name];
  console.log(`${name.padEnd(6)} ${kb.toFixed(1)} KB of ${MOST_KB[name]} KB`);
}
process.exit(isTooLarge ? 1 : 0);
