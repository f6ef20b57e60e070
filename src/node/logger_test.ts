/**
 * The two forms of the log.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createLogger, type LogLevel } from "./logger.ts";

function capture(format: "text" | "json", level: LogLevel = "info") {
  const lines: string[] = [];
  const logger = createLogger({
    level,
    format,
    write: (line) => lines.push(line),
    now: () => Date.UTC(2026, 0, 2, 3, 4, 5),
  });
  return { lines, logger };
}

Deno.test("logger: text is one line, with fields that can be told apart", () => {
  const { lines, logger } = capture("text");
  logger.log("warn", "two\nlines", { peer: "node-2", why: 'a "b" c' });
  assert.deepEqual(lines, [
    '2026-01-02T03:04:05.000Z warn  two lines peer=node-2 why="a \\"b\\" c"\n',
  ]);
});

Deno.test("logger: json is one object a line", () => {
  const { lines, logger } = capture("json");
  logger.log("info", "ready", { port: 1, nothing: undefined });
  assert.deepEqual(JSON.parse(lines[0]!), {
    time: "2026-01-02T03:04:05.000Z",
    level: "info",
    message: "ready",
    port: 1,
  });
});

Deno.test("logger: drops what is below its level", () => {
  const { lines, logger } = capture("text", "warn");
  logger.log("info", "no");
  logger.log("error", "yes");
  assert.equal(lines.length, 1);
});

Deno.test("logger: masks fields that are named like secrets", () => {
  const { lines, logger } = capture("json");
  logger.log("info", "login", { sessionToken: "abc", passwordHash: "def", user: "ann" });
  assert.ok(!lines[0]!.includes("abc") && !lines[0]!.includes("def"));
  assert.ok(lines[0]!.includes("ann"));
});
