/**
 * Nothing that others write changes what a person's terminal shows: every form in which commands
 * print names, messages and errors, with whatever text in them.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { statusText } from "../../src/cli/admin_text.ts";
import { ChatModel } from "../../src/cli/chat_model.ts";
import { drawChat } from "../../src/cli/chat_screen.ts";
import { messageJson, messageLine, sessionsTable, usersTable } from "../../src/cli/chat_text.ts";
import { newCommand } from "../../src/cli/command.ts";
import { LineEditor } from "../../src/cli/line_editor.ts";
import { runProgram } from "../../src/cli/program.ts";
import { ChatError } from "../../src/errors.ts";
import { createLogger } from "../../src/node/logger.ts";
import { jsonLine } from "../../src/printable.ts";
import type { Message, StatusResponse } from "../../src/rpc/api.ts";

const NOW = 1_700_000_000_000;

/** What moves a cursor, colours, rings, or turns the direction of text: by Unicode's own list. */
const ACTS = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]|\p{Cs}/u;

/** Texts of which a terminal would do something. */
const hostile = fc.array(
  fc.oneof(
    fc.constantFrom(
      "\x1b[2J",
      "\x1b]0;title\x07",
      "\x1b]52;c;aGk=\x1b\\",
      "\u009b31m",
      "\u009d0;t\u009c",
      "\r",
      "\n",
      "\b",
      "\x7f",
      "\u202e",
      "\u2067",
      "\u200f",
      "\u061c",
      "\u2028",
      "\ud800",
    ),
    fc.integer({ min: 0, max: 0x9f }).map((code) => String.fromCharCode(code)),
    fc.constantFrom("hello", "grüß", "مرحبا", "你好", "👋🏽", " "),
  ),
  { maxLength: 12 },
).map((parts) => parts.join(""));

/** Every form, from texts that others chose. Rows of a table or a screen are lines of their own. */
async function shownOf(
  name: string,
  body: string,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const message: Message = {
    id: name,
    seq: 1,
    position: name,
    from: name,
    to: name,
    body,
    sentAtMs: NOW,
    acknowledged: false,
  };
  const errors: string[] = [];
  const logged: string[] = [];
  const fails = newCommand("fails", "fails", { example: "fails" }).action(() => {
    throw new ChatError("INTERNAL", body);
  });
  const load = () => Promise.resolve(fails as never);
  await runProgram(["fails"], {
    commands: [{ name: "fails", summary: "fails", load }],
    onError: (line) => void errors.push(line),
  });
  for (const format of ["text", "json"] as const) {
    const write = (line: string) => void logged.push(line.replace(/\n$/, ""));
    createLogger({ level: "info", format, write }).log("warn", body, { name, peer: body });
  }
  const times = { createdAtMs: NOW, usedAtMs: null, expiresAtMs: NOW, current: true };
  return new Map([
    ["message", [messageLine(message, NOW)]],
    ["json", [jsonLine(messageJson(message))]],
    ["users", usersTable([{ name, online: true, lastSeenMs: NOW }], NOW).split("\n")],
    ["sessions", sessionsTable([{ id: name, ...times }], NOW).split("\n")],
    [
      "status",
      statusText({ ...statusOf(name), answered: [name], refused: [name], unheard: new Map() })
        .split("\n"),
    ],
    ["screen", screenOf(message)],
    ["error", errors],
    ["log", logged],
  ]);
}

function screenOf(message: Message): readonly string[] {
  const model = new ChatModel("ann", { onChange: () => {} });
  model.setState({ phase: "connected", leader: message.from, waiting: 0, unsent: 0 });
  model.setPeople([{ name: message.from, online: true, lastSeenMs: null }]);
  model.receive({ ...message, to: "ann" });
  const size = { columns: 80, rows: 24, scroll: 0 };
  const editor = new LineEditor();
  const { rows } = drawChat({ model, editor, ...size, nowMs: NOW, unicode: true });
  return rows.flatMap((row) => row.map(({ text }) => text));
}

function statusOf(text: string): StatusResponse {
  const member = {
    id: text,
    role: "leader",
    voter: true,
    clientAddress: text,
    peerAddress: text,
    term: text,
    lastIndex: 1,
    commitIndex: 1,
    appliedIndex: 1,
    reachable: true,
    incarnation: 1,
  } as const;
  return {
    clusterId: text,
    quorum: "all",
    lastResort: true,
    livesByLastResort: true,
    missing: [{ id: text, peerAddress: text }],
    term: text,
    leader: text,
    tolerates: 0,
    self: text,
    members: [member],
  };
}

Deno.test("terminal: whatever others write, nothing that is shown acts on a terminal", async () => {
  let acting = 0;
  await fc.assert(
    fc.asyncProperty(hostile, hostile, async (name, body) => {
      if (ACTS.test(name + body)) acting += 1;
      for (const [form, lines] of await shownOf(name, body)) {
        assert.ok(lines.length > 0, form);
        for (const line of lines) assert.ok(!ACTS.test(line), `${form}: ${JSON.stringify(line)}`);
      }
    }),
    { seed: 2625, numRuns: 300 },
  );
  // Else nothing was shown.
  assert.ok(acting > 200, String(acting));
});

Deno.test("terminal: JSON lines are the same values for programs", () => {
  fc.assert(fc.property(hostile, (text) => {
    // Half a character has no form in UTF-8, and none that JSON would bring back otherwise.
    assert.deepEqual(JSON.parse(jsonLine({ text })), { text });
  }));
});
