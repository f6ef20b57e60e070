/**
 * Holds what neither the compiler nor the linter can: which folder may import which, who may
 * import which package, sizes, leftovers, opening paragraphs, pinned packages, and that
 * generated code is fresh. There is no list of exceptions; what breaks a rule is mended.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  brokenLinks,
  importProblems,
  leftoverProblems,
  lostRows,
  openingProblems,
  programProblems,
  sizeProblems,
  type Source,
  unusedLimits,
} from "./tidy.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TEXT =
  /\.(ts|js|json|jsonc|md|proto|sh|yml|yaml)$|^(LICENSE|\.gitignore|\.ci\/run|deno\.lock)$/;

/** Folders that version control ignores, from its own file. */
async function ignoredFolders(): Promise<ReadonlySet<string>> {
  const text = await Deno.readTextFile(`${ROOT}.gitignore`);
  return new Set([".git", ...text.split("\n").map((line) => line.replace(/\/$/, ""))]);
}

async function readSources(): Promise<readonly Source[]> {
  const ignored = await ignoredFolders();
  const sources: Source[] = [];
  const walk = async (folder: string): Promise<void> => {
    for await (const entry of Deno.readDir(ROOT + folder)) {
      const place = folder + entry.name;
      if (entry.isDirectory && !ignored.has(entry.name)) await walk(`${place}/`);
      if (!entry.isFile || !TEXT.test(place)) continue;
      sources.push({ place, text: await Deno.readTextFile(ROOT + place) });
    }
  };
  await walk("");
  return sources;
}

const sources = await readSources();

Deno.test("tidy: imports go down the layers, and packages have one owner", () => {
  assert.deepEqual(importProblems(sources), []);
});

Deno.test("tidy: files and functions are one thing each", () => {
  assert.deepEqual(sizeProblems(sources), []);
});

Deno.test("tidy: every file opens with what it owns", () => {
  assert.deepEqual(openingProblems(sources), []);
});

Deno.test("tidy: nothing is left over", () => {
  assert.deepEqual(leftoverProblems(sources), []);
});

Deno.test("tidy: tests with real processes run the program that is tested", () => {
  assert.deepEqual(programProblems(sources), []);
});

Deno.test("tidy: every limit limits something", () => {
  assert.deepEqual(unusedLimits(sources), []);
});

Deno.test("tidy: links between papers lead somewhere", () => {
  assert.deepEqual(brokenLinks(sources), []);
});

Deno.test("tidy: rows of papers are in their tables", () => {
  assert.deepEqual(lostRows(sources), []);
});

Deno.test("tidy: every package is pinned and used", async () => {
  const { imports } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const lock = JSON.parse(await Deno.readTextFile(`${ROOT}deno.lock`));
  const packages = Object.values<{ readonly dependencies?: string[] }>(lock.npm);
  const code = sources.filter(({ place }) => place.endsWith(".ts")).map(({ text }) => text).join();
  for (const [name, specifier] of Object.entries<string>(imports)) {
    assert.match(specifier, /^npm:.+@\d+\.\d+\.\d+$/, `${name} is not pinned to one version`);
    const isImported = new RegExp(`["']${name}(/[^"']*)?["']`).test(code);
    // A peer of another package has to be named too, to be pinned.
    const isNeeded = packages.some(({ dependencies = [] }) => dependencies.includes(name));
    assert.ok(isImported || isNeeded, `${name} is not used`);
  }
});

Deno.test("tidy: generated code is what the generator makes now", async () => {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "tools/generate_codecs.ts", "--check"],
    cwd: ROOT,
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
});

/** Sources with an opening paragraph, by place. */
function planted(texts: Readonly<Record<string, string>>): readonly Source[] {
  return Object.entries(texts).map(([place, text]) => ({ place, text }));
}

Deno.test("tidy imports: finds what goes up, across, into tests, or takes another's package", () => {
  const cases: [string, string, RegExp | null][] = [
    ["src/raft/a.ts", 'import { x } from "../chat/x.ts";', /raft must not import chat/],
    ["src/raft/a.ts", 'import type { X } from "../node/ports.ts";', /raft must not import node/],
    ["src/storage/a.ts", 'import { x } from "../node/node.ts";', /storage must not import node/],
    ["src/storage/a.ts", 'import type { X } from "../node/ports.ts";', null],
    ["src/storage/a.ts", 'import { type X } from "../node/ports.ts";', /must not import node/],
    ["src/storage/a.ts", 'import type { X } from "../node/node.ts";', /must not import node/],
    ["src/client/a.ts", 'export * from "../node/node.ts";', /client must not import node/],
    ["src/node/a.ts", 'await import("../cli/node.ts");', /node must not import cli/],
    ["src/sim/a.ts", 'import "../cli/node.ts";', /sim must not import cli/],
    ["src/node/a.ts", 'import { x } from "../../tests/x.ts";', /must not import tests/],
    ["src/node/a.ts", 'import { x } from "../assert.ts";', null],
    ["src/limits.ts", 'import { x } from "./raft/x.ts";', /leaves must not import raft/],
    ["src/node/a.ts", 'import { x } from "libsql";', /only src\/storage may import/],
    ["src/storage/a.ts", 'import { x } from "libsql";', null],
    ["src/node/a.ts", 'import {\n  x,\n} from "protobufjs";', /only src\/rpc may import/],
  ];
  for (const [place, text, expected] of cases) {
    const problems = importProblems(planted({
      "src/node/ports.ts": "export interface X {}",
      "src/node/node.ts": "export const x = 1;",
      [place]: text,
    }));
    if (expected === null) assert.deepEqual(problems, [], text);
    else assert.match(problems.join("\n"), expected);
  }
});

Deno.test("tidy sizes: finds the long file and the long function", () => {
  const long = `export function f() {\n${"  f();\n".repeat(70)}}\n`;
  assert.match(sizeProblems(planted({ "src/a.ts": long })).join(), /a\.ts:1: a function of 72/);
  assert.match(sizeProblems(planted({ "src/b.ts": "f();\n".repeat(401) })).join(), /401 lines/);
  assert.deepEqual(sizeProblems(planted({ "src/rpc/gen/b.ts": "f();\n".repeat(401) })), []);
});

Deno.test("tidy openings: finds a file without a paragraph", () => {
  const good = "/**\n * Owns things.\n *\n * @module\n */\n";
  assert.deepEqual(openingProblems(planted({ "src/a.ts": good })), []);
  for (const bad of ["", "/** @module */", "/**\n * @module\n */\n", "// Owns things.\n"]) {
    assert.equal(openingProblems(planted({ "src/a.ts": bad })).length, 1, bad);
  }
});

Deno.test("tidy leftovers: finds notes, unfinished things, machine paths and lone tests", () => {
  const bad = [
    ["// TO", "DO: later"],
    ["not imp", "lemented"],
    ["a place", "holder"],
    ["/ro", "ot/x"],
    ["registry.npm", "js.org"],
    ["Deno.test.on", "ly("],
    ["ignore", ": true"],
  ];
  for (const parts of bad) {
    const problems = leftoverProblems(planted({ "README.md": `fine\n${parts.join("")}\n` }));
    assert.equal(problems.length, 1, parts.join(""));
    assert.match(problems[0] ?? "", /^README\.md:2: /);
  }
});

Deno.test("tidy program: finds a test with real processes that starts the sources", () => {
  const bad = ["Deno.execPath()", 'new URL("../../cli.ts", import.meta.url)'];
  for (const text of bad) {
    const places = ["tests/cluster/a_test.ts", "tests/cluster/program.ts", "tests/cli/a_test.ts"];
    const problems = programProblems(planted(Object.fromEntries(places.map((at) => [at, text]))));
    assert.equal(problems.length, 1, text);
    assert.match(problems[0] ?? "", /^tests\/cluster\/a_test\.ts: /);
  }
});

Deno.test("tidy limits and links: finds what is unused and what leads nowhere", () => {
  const limits = "export const limits = {\n  a: 1,\n  b: 2,\n};";
  const use = "f(limits.a);";
  assert.deepEqual(unusedLimits(planted({ "src/limits.ts": limits, "src/a.ts": use })), ["b"]);
  const part = "export const partLimits = {\n  c: 3,\n};";
  const parts = { "src/limits.ts": limits, "src/limits_part.ts": part, "src/a.ts": use };
  assert.deepEqual(unusedLimits(planted(parts)), ["b", "c"]);
  const papers = { "a.md": "[b](b.md) [c](src/c.ts#x) [web](https://example.org)", "b.md": "" };
  assert.equal(brokenLinks(planted(papers)).length, 1);
});

Deno.test("tidy rows: finds one that is wrapped like text, and takes none for one", () => {
  const lost = "- a point. | what | is\n  lost | here |\n";
  assert.deepEqual(lostRows(planted({ "a.md": lost })), ["a.md:2: a row without its table"]);
  const fine = "| a | b |\n| - | - |\n\n  | in a list | it is |\n\n`a | b` or `all|majority`\n";
  assert.deepEqual(lostRows(planted({ "a.md": fine })), []);
});
