/**
 * Shows that each house rule finds what it forbids, where it forbids it, and nothing else.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import plugin from "./lint_plugin.ts";

/** Rules that the source breaks if it stood in the given file, without the plugin's name. */
function found(place: string, source: string): readonly string[] {
  const file = fileURLToPath(new URL(`../${place}`, import.meta.url));
  return Deno.lint.runPlugin(plugin, file, source).map((diagnostic) => diagnostic.id);
}

const DETERMINISM = "jmessage/determinism";

Deno.test("lint determinism: clocks, randomness, timers and crypto are found in raft and chat", () => {
  const sources = [
    "export const t = Date.now();",
    "export const t = new Date();",
    "export const t = Date();",
    "export const r = Math.random();",
    "export const t = performance.now();",
    "setTimeout(() => {}, 1);",
    "setInterval(() => {}, 1);",
    "queueMicrotask(() => {});",
    "export const f = setTimeout;",
    "export const id = crypto.randomUUID();",
    "export const now = globalThis.Date;",
    'import { createHash } from "node:crypto";',
    'import { setTimeout as wait } from "node:timers/promises";',
    'import { performance as p } from "node:perf_hooks";',
  ];
  for (const source of sources) {
    assert.deepEqual(found("src/raft/core.ts", source), [DETERMINISM], source);
    assert.deepEqual(found("src/chat/apply.ts", source), [DETERMINISM], source);
    assert.deepEqual(found("src/node/clock.ts", source), [], source);
    assert.deepEqual(found("src/raft/core_test.ts", source), [], source);
  }
});

Deno.test("lint determinism: names that only look alike are left alone", () => {
  const sources = [
    "export const t = new Date(5);",
    "export const x = input.crypto;",
    "export const x = { crypto: 1 };",
    "interface X { setTimeout(): void }\nexport type { X };",
    "export const m = Math.max(1, 2);",
    "// Date.now() is not called here\nexport {};",
  ];
  for (const source of sources) assert.deepEqual(found("src/raft/core.ts", source), [], source);
});

Deno.test("lint synchronous-core: anything asynchronous is found in raft only", () => {
  const sources = [
    "export async function f() {}",
    "export const f = async () => {};",
    "export const o = { async f() {} };",
    "export const p = Promise.resolve(1);",
    "await f();",
  ];
  for (const source of sources) {
    assert.deepEqual(found("src/raft/core.ts", source), ["jmessage/synchronous-core"], source);
    assert.deepEqual(found("src/chat/apply.ts", source), [], source);
  }
});

Deno.test("lint portable: the Deno namespace is found in what other runtimes run", () => {
  const source = "export const args = Deno.args;";
  for (const place of ["src/node/node.ts", "cli.ts", "mod.ts"]) {
    assert.deepEqual(found(place, source), ["jmessage/portable"], place);
  }
  for (const place of ["src/node/node_test.ts", "tests/tidy_test.ts", "tools/x.ts"]) {
    assert.deepEqual(found(place, source), [], place);
  }
});

Deno.test("lint named-exports: a default export is found outside of tools", () => {
  assert.deepEqual(found("src/chat/apply.ts", "export default 1;"), ["jmessage/named-exports"]);
  assert.deepEqual(found("tools/lint_plugin.ts", "export default 1;"), []);
});

Deno.test("lint: every finding says what to use instead", () => {
  const file = fileURLToPath(new URL("../src/raft/core.ts", import.meta.url));
  const source = "export default async () => { await Deno.stat(String(Date.now())); };";
  const findings = Deno.lint.runPlugin(plugin, file, source);
  assert.equal(new Set(findings.map((finding) => finding.id)).size, 4);
  for (const finding of findings) assert.match(finding.hint ?? "", /^Instead, .*\.$/);
});
