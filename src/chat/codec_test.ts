/**
 * Commands come back from the log as they went in, and what no version of this program wrote
 * stops the node with a line that says where.
 *
 * @module
 */

import assert from "node:assert/strict";
import { InvariantError } from "../assert.ts";
import { decodeCommand, encodeCommand } from "./codec.ts";
import type { Command, Outcome, PlainCommand } from "./command.ts";

const base = { requestId: "r", fingerprint: "f", timeMs: 1_700_000_000_000 };
const author = { accountId: "a", sessionId: "s" };

const plain: readonly PlainCommand[] = [
  { ...base, kind: "createAccount", accountId: "r", name: "Ann", passwordHash: "scrypt$1" },
  { ...base, ...author, kind: "login", tokenHash: "t", passwordHash: "scrypt$1" },
  { ...base, ...author, kind: "logout", all: true },
  { ...base, ...author, kind: "deleteAccount" },
  { ...base, ...author, kind: "sendMessage", toAccountId: "b", body: 'ü \u0000 \u{1f600} \ufeff"' },
  { ...base, ...author, kind: "sendMessage", toAccountId: null, body: "" },
  { ...base, ...author, kind: "acknowledge", messageIds: ["m", "n"] },
  { ...base, ...author, kind: "login", tokenHash: "t", passwordHash: "h", idleMs: 60_000 },
  { ...base, ...author, kind: "renewSession", idleMs: 60_000 },
  { ...base, kind: "setAdminToken", tokenHash: "t", replaces: null },
  { ...base, kind: "setAdminToken", tokenHash: "u", replaces: "t" },
  { ...base, ...author, kind: "logout", all: false, endedSessionId: "other" },
];

const term = { epoch: 1, number: 2, nodeId: "node.a" };
/** What each of them may have been answered. */
const outcomes: readonly (Outcome | null)[] = [
  { ok: true, kind: "createAccount", accountId: "r" },
  { ok: true, kind: "login", sessionId: "s" },
  { ok: true, kind: "logout", revoked: 2 },
  { ok: true, kind: "deleteAccount" },
  { ok: true, kind: "sendMessage", messageId: "r", index: 17, term, acceptedAtMs: 1_700 },
  { ok: false, reason: "NO_SUCH_USER", message: "nobody" },
  { ok: true, kind: "acknowledge", acknowledged: 0 },
  { ok: true, kind: "login", sessionId: "s" },
  { ok: true, kind: "renewSession", sessionId: "s", usedAtMs: 5, expiresAtMs: 60_005 },
  { ok: true, kind: "setAdminToken" },
  { ok: true, kind: "setAdminToken" },
  { ok: true, kind: "logout", revoked: 0 },
];
const salvaged = plain.flatMap((command, place): Command[] =>
  [outcomes[place]!, null].map((outcome) => ({ ...base, kind: "salvaged", command, outcome }))
);
for (const place of [1, 4]) {
  const [command, outcome] = [plain[place]!, outcomes[place]!];
  salvaged.push({ ...base, kind: "salvaged", command, outcome, ended: true });
}
const commands: readonly Command[] = [...plain, ...salvaged];

for (const command of commands) {
  const what = command.kind !== "salvaged"
    ? command.kind
    : `salvaged ${command.command.kind} with ${command.outcome === null ? "no" : "its"} answer` +
      (command.ended ? ", ended" : "");
  Deno.test(`codec: ${what} comes back as it was`, () => {
    assert.deepEqual(decodeCommand(encodeCommand(command), 17), command);
  });
}

Deno.test("codec: the bytes of a version stay what they were", () => {
  const [, , logout] = plain;
  const text = '{"version":1,"requestId":"r","fingerprint":"f","timeMs":1700000000000,' +
    '"accountId":"a","sessionId":"s","kind":"logout","all":true}';
  assert.deepEqual(decodeCommand(new TextEncoder().encode(text), 1), logout);
  assert.ok(logout !== undefined);
  assert.equal(new TextDecoder().decode(encodeCommand(logout)), text);
  const outer = '{"version":1,"requestId":"r","fingerprint":"f","timeMs":1700000000000,' +
    `"kind":"salvaged","command":${text},"outcome":{"ok":true,"kind":"logout","revoked":2}}`;
  const wrapped: Command = { ...base, kind: "salvaged", command: logout, outcome: outcomes[2]! };
  assert.deepEqual(decodeCommand(new TextEncoder().encode(outer), 1), wrapped);
  assert.equal(new TextDecoder().decode(encodeCommand(wrapped)), outer);
});

Deno.test("codec: what an older program would take for something else stops it", () => {
  const naming = plain.at(-1)!;
  const text = '{"version":2,"requestId":"r","fingerprint":"f","timeMs":1700000000000,' +
    '"accountId":"a","sessionId":"s","kind":"logout","all":false,"endedSessionId":"other"}';
  assert.equal(new TextDecoder().decode(encodeCommand(naming)), text);
  const wrapped: Command = { ...base, kind: "salvaged", command: naming, outcome: null };
  assert.ok(new TextDecoder().decode(encodeCommand(wrapped)).includes(text));
});

/** A salvaged logout with other fields. */
function wrappedWith(fields: object): object {
  const command = { version: 1, ...plain[2] };
  return { version: 1, ...base, kind: "salvaged", command, outcome: null, ...fields };
}

const broken: readonly (readonly [string, Uint8Array | object, RegExp])[] = [
  ["bytes that are no UTF-8", new Uint8Array([0xff, 0x7b]), /its command must be a JSON object/],
  ["no bytes", new Uint8Array(), /current value is "0 bytes"/],
  ["a list", [1], /its command must be a JSON object/],
  ["a newer version", { version: 2, ...plain[3] }, /its version must be 1: current value is 2/],
  [
    "a logout that names a session, as an older version",
    { version: 1, ...plain.at(-1) },
    /its version must be 2: current value is 1/,
  ],
  [
    "a named session of a wrong type",
    { version: 2, ...plain.at(-1), endedSessionId: null },
    /its endedSessionId must/,
  ],
  ["no version", { ...plain[3] }, /its version must be 1: current value is undefined/],
  ["an unknown kind", { version: 1, ...base, kind: "toString" }, /its kind must be a known one/],
  ["a field of a wrong type", { version: 1, ...plain[2], all: 1 }, /its all must be a boolean/],
  ["a lacking field", { version: 1, ...base, kind: "logout" }, /its accountId must be a string/],
  ["a time that is no time", { version: 1, ...plain[3], timeMs: 1.5 }, /its timeMs must/],
  ["ids of a wrong type", { version: 1, ...plain[6], messageIds: [1] }, /its messageIds must/],
  [
    "a receiver of a wrong type",
    { version: 1, ...plain[5], toAccountId: 0 },
    /toAccountId must/,
  ],
  ["a salvaged text", wrappedWith({ command: "logout" }), /its command must be an object/],
  [
    "a salvaged one in another",
    wrappedWith({ command: wrappedWith({}) }),
    /its kind must be a known one: current value is "salvaged"/,
  ],
  ["a salvaged one of another request", wrappedWith({ requestId: "q" }), /its requestId must be/],
  ["a salvaged one of other fields", wrappedWith({ fingerprint: "g" }), /its requestId must be/],
  [
    "a salvaged one of a newer version",
    wrappedWith({ command: { ...plain[2], version: 2 } }),
    /its version must be 1: current value is 2/,
  ],
  [
    "a field of a wrong type in a salvaged one",
    wrappedWith({ command: { version: 1, ...plain[2], all: 1 } }),
    /its all must be a boolean/,
  ],
  ["an answer that is none", wrappedWith({ outcome: { ok: true } }), /its outcome must be/],
  ["an answer to another kind", wrappedWith({ outcome: outcomes[3] }), /its outcome must be/],
  ["a logout that has ended", wrappedWith({ outcome: outcomes[2], ended: true }), /its ended must/],
  [
    "a message that ended undecided",
    wrappedWith({ command: { version: 1, ...plain[4] }, ended: true }),
    /its ended must/,
  ],
  [
    "a login that has not ended but speaks of it",
    wrappedWith({ command: { version: 1, ...plain[1] }, outcome: outcomes[1], ended: false }),
    /its ended must/,
  ],
  ["a lacking answer", wrappedWith({ outcome: undefined }), /its outcome must be/],
  [
    "a refusal of no reason",
    wrappedWith({ outcome: { ok: false, reason: "later", message: "" } }),
    /its outcome must be/,
  ],
];

for (const [what, value, expected] of broken) {
  Deno.test(`codec: ${what} stops the node and names the entry`, () => {
    const data = value instanceof Uint8Array
      ? value
      : new TextEncoder().encode(JSON.stringify(value));
    assert.throws(() => decodeCommand(data, 17), (error) => {
      assert.ok(error instanceof InvariantError);
      assert.match(error.message, /^Cannot read entry 17 as /);
      assert.match(error.message, expected);
      return true;
    });
  });
}
