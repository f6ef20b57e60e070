/**
 * Commands come back from the log as they went in, and what no version of this program wrote
 * stops the node with a line that says where.
 *
 * @module
 */

import assert from "node:assert/strict";
import { InvariantError } from "../assert.ts";
import { decodeCommand, encodeCommand } from "./codec.ts";
import type { Command } from "./command.ts";

const base = { requestId: "r", fingerprint: "f", timeMs: 1_700_000_000_000 };
const author = { accountId: "a", sessionId: "s" };

const commands: readonly Command[] = [
  { ...base, kind: "createAccount", accountId: "r", name: "Ann", passwordHash: "scrypt$1" },
  { ...base, ...author, kind: "login", tokenHash: "t", passwordHash: "scrypt$1" },
  { ...base, ...author, kind: "logout", all: true },
  { ...base, ...author, kind: "deleteAccount" },
  { ...base, ...author, kind: "sendMessage", toAccountId: "b", body: 'ü \u0000 \u{1f600} \ufeff"' },
  { ...base, ...author, kind: "sendMessage", toAccountId: null, body: "" },
  { ...base, ...author, kind: "acknowledge", messageIds: ["m", "n"] },
];

for (const command of commands) {
  Deno.test(`codec: ${command.kind} comes back as it was`, () => {
    assert.deepEqual(decodeCommand(encodeCommand(command), 17), command);
  });
}

Deno.test("codec: the bytes of a version stay what they were", () => {
  const [, , logout] = commands;
  const text = '{"version":1,"requestId":"r","fingerprint":"f","timeMs":1700000000000,' +
    '"accountId":"a","sessionId":"s","kind":"logout","all":true}';
  assert.deepEqual(decodeCommand(new TextEncoder().encode(text), 1), logout);
  assert.ok(logout !== undefined);
  assert.equal(new TextDecoder().decode(encodeCommand(logout)), text);
});

const broken: readonly (readonly [string, Uint8Array | object, RegExp])[] = [
  ["bytes that are no UTF-8", new Uint8Array([0xff, 0x7b]), /its command must be a JSON object/],
  ["no bytes", new Uint8Array(), /current value is "0 bytes"/],
  ["a list", [1], /its command must be a JSON object/],
  ["a newer version", { version: 2, ...commands[3] }, /its version must be 1: current value is 2/],
  ["no version", { ...commands[3] }, /its version must be 1: current value is undefined/],
  ["an unknown kind", { version: 1, ...base, kind: "toString" }, /its kind must be a known one/],
  ["a field of a wrong type", { version: 1, ...commands[2], all: 1 }, /its all must be a boolean/],
  ["a lacking field", { version: 1, ...base, kind: "logout" }, /its accountId must be a string/],
  ["a time that is no time", { version: 1, ...commands[3], timeMs: 1.5 }, /its timeMs must/],
  ["ids of a wrong type", { version: 1, ...commands[6], messageIds: [1] }, /its messageIds must/],
  [
    "a receiver of a wrong type",
    { version: 1, ...commands[5], toAccountId: 0 },
    /toAccountId must/,
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
