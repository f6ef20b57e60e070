/**
 * What the log says of one request, and what it never says.
 *
 * @module
 */

import assert from "node:assert/strict";
import { encodeCommand } from "../../src/chat/codec.ts";
import type { Command, Outcome } from "../../src/chat/command.ts";
import { ChatError } from "../../src/errors.ts";
import { createLogger, type LogLevel } from "../../src/node/logger.ts";
import { NO_MEASURES } from "../../src/node/measures.ts";
import { RequestTrace } from "../../src/node/request_trace.ts";
import type { Entry, Term } from "../../src/raft/types.ts";
import type { ChatApi } from "../../src/rpc/api.ts";
import { contextFor, fakeServices } from "../../src/rpc/rpc_test_services.ts";

const TERM: Term = { epoch: 0, number: 3, nodeId: "n1" };
const ID = "0199a1b2-0000-7000-8000-000000000001";

interface Line extends Readonly<Record<string, unknown>> {
  readonly level: string;
  readonly message: string;
}

function traced(level: LogLevel) {
  const lines: Line[] = [];
  const write = (line: string) => {
    const { time: _, ...rest } = JSON.parse(line);
    lines.push(rest);
  };
  return { lines, trace: new RequestTrace("n1", createLogger({ level, format: "json", write })) };
}

const command = {
  kind: "sendMessage",
  requestId: ID,
  fingerprint: "f",
  timeMs: 1,
  accountId: "0199a1b2-0000-7000-8000-000000000002",
  sessionId: "0199a1b2-0000-7000-8000-000000000003",
  toAccountId: null,
  body: "for nobody's eyes",
} as const satisfies Command;

function entry(index: number): Entry {
  return { index, term: TERM, checksum: "", kind: "command", data: encodeCommand(command) };
}

function send(trace: RequestTrace, changes: Partial<ChatApi> = {}, requestId = ID) {
  const api = trace.over(fakeServices({ chat: changes }).chat);
  const request = { requestId, to: "bob", body: command.body };
  return api.sendMessage(request, contextFor(5_000, { token: "a-token" }));
}

Deno.test("request trace: one id from the client to what was applied, and no secret", async () => {
  const { lines, trace } = traced("debug");
  await send(trace);
  trace.proposed(command);
  const told: unknown[] = [];
  const measures = trace.before({ ...NO_MEASURES, applied: (...all) => void told.push(all) });
  const refused = { ok: false, reason: "NO_SUCH_USER", message: "gone" } as const;
  const entries = [entry(7), entry(8), { ...entry(9), kind: "noop" } as Entry];
  const outcomes = new Map<number, Outcome>([[7, { ok: true, kind: "deleteAccount" }], [
    8,
    refused,
  ]]);
  measures.applied(entries, outcomes, 5);
  assert.deepEqual(told, [[entries, outcomes, 5]], "who counts is told, too");

  const same = { level: "debug", node: "n1", requestId: ID, kind: "sendMessage" };
  const place = { ...same, message: "Request applied", term: "0.3@n1" };
  assert.ok(typeof lines[1]?.["ms"] === "number");
  assert.deepEqual(lines.map(({ ms: _, ...line }) => line), [
    { ...same, message: "Request taken" },
    { ...same, message: "Request answered" },
    { ...same, message: "Request proposed" },
    { ...place, index: 7 },
    { ...place, index: 8, reason: "NO_SUCH_USER" },
  ]);
  assert.doesNotMatch(JSON.stringify(lines), /nobody's eyes|a-token|bob/);
});

Deno.test("request trace: what is refused says why and where to go", async () => {
  const { lines, trace } = traced("debug");
  const error = new ChatError("NOT_LEADER", "not the leader", { leader: "127.0.0.1:9" });
  await assert.rejects(send(trace, { sendMessage: () => Promise.reject(error) }), error);
  const { level, message, reason, leader } = lines[1]!;
  assert.deepEqual({ level, message, reason, leader }, {
    level: "debug",
    message: "Request refused",
    reason: "NOT_LEADER",
    leader: "127.0.0.1:9",
  });
});

Deno.test("request trace: what is no id is not written", async () => {
  const { lines, trace } = traced("debug");
  for (const id of ["", "\u001b[2J", "a\nb", "x".repeat(100_000)]) await send(trace, {}, id);
  assert.deepEqual([...new Set(lines.map(({ requestId }) => requestId))], ["none"]);
});

Deno.test("request trace: below debug only what a caller must look up is there, with its id", async () => {
  const { lines, trace } = traced("info");
  await send(trace);
  trace.proposed(command);
  assert.equal(trace.before(NO_MEASURES), NO_MEASURES, "applies cost nothing more");
  const busy = new ChatError("OVERLOADED", "later");
  await assert.rejects(send(trace, { sendMessage: () => Promise.reject(busy) }), busy);
  assert.deepEqual(lines, []);
  const broken = new ChatError("INTERNAL", "out of order");
  await assert.rejects(send(trace, { sendMessage: () => Promise.reject(broken) }), broken);
  const { level, message, requestId } = lines[0]!;
  assert.deepEqual([lines.length, level, message, requestId], [
    1,
    "error",
    "Request failed: out of order",
    ID,
  ]);
});
