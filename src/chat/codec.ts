/**
 * The byte form of commands in the log: JSON with a version. Owns encoding and the check of
 * every field on the way back; it never judges what a command asks for. A command that cannot
 * be read is a broken log, not bad input, so it is an invariant failure.
 *
 * @module
 */

import { assert } from "../assert.ts";
import type { Command } from "./command.ts";

/** Raised when a command's fields or its meaning change; older ones stay readable for ever. */
export const commandVersion = 1;

type FieldKind = "string" | "stringOrNull" | "boolean" | "strings" | "time";

/** Fields of every command. */
const baseFields = { requestId: "string", fingerprint: "string", timeMs: "time" } as const;

/** Fields of each kind, besides those of all. */
const kindFields: Record<Command["kind"], Readonly<Record<string, FieldKind>>> = {
  createAccount: { accountId: "string", name: "string", passwordHash: "string" },
  login: {
    accountId: "string",
    sessionId: "string",
    tokenHash: "string",
    passwordHash: "string",
  },
  logout: { accountId: "string", sessionId: "string", all: "boolean" },
  deleteAccount: { accountId: "string", sessionId: "string" },
  sendMessage: {
    accountId: "string",
    sessionId: "string",
    toAccountId: "stringOrNull",
    body: "string",
  },
  acknowledge: { accountId: "string", sessionId: "string", messageIds: "strings" },
};

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A command as the log holds it. */
export function encodeCommand(command: Command): Uint8Array {
  return encoder.encode(JSON.stringify({ version: commandVersion, ...command }));
}

/** The inverse; `index` is the entry's place in the log, for the error that stops the node. */
export function decodeCommand(data: Uint8Array, index: number): Command {
  const value = parseObject(data, index);
  const { version, ...command } = value;
  check(index, "version", `be ${commandVersion}`, version === commandVersion, version);
  const kind = command["kind"];
  const known = typeof kind === "string" && Object.hasOwn(kindFields, kind);
  check(index, "kind", "be a known one", known, kind);
  const fields = { ...baseFields, ...kindFields[kind as Command["kind"]] };
  for (const [name, fieldKind] of Object.entries(fields)) {
    check(index, name, `be a ${fieldKind}`, hasKind(command[name], fieldKind), command[name]);
  }
  return command as unknown as Command;
}

function parseObject(data: Uint8Array, index: number): Record<string, unknown> {
  let value: unknown = null;
  try {
    value = JSON.parse(decoder.decode(data));
  } catch {
    // Reported below, with the index.
  }
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  check(index, "command", "be a JSON object in UTF-8", isObject, `${data.length} bytes`);
  return value as Record<string, unknown>;
}

function check(index: number, what: string, must: string, holds: boolean, value: unknown): void {
  if (holds) return; // The message is made only when it is needed: this runs per field.
  const shown = JSON.stringify(value)?.slice(0, 80);
  assert(
    false,
    `Cannot read entry ${index} as its ${what} must ${must}: current value is ${shown}`,
  );
}

function hasKind(value: unknown, kind: FieldKind): boolean {
  switch (kind) {
    case "string":
      return typeof value === "string";
    case "stringOrNull":
      return value === null || typeof value === "string";
    case "boolean":
      return typeof value === "boolean";
    case "strings":
      return Array.isArray(value) && value.every((item) => typeof item === "string");
    case "time":
      return Number.isSafeInteger(value);
  }
}
