/**
 * The byte form of commands in the log: JSON with a version. Owns encoding and the check of
 * every field on the way back; it never judges what a command asks for. A command that cannot
 * be read is a broken log, not bad input, so it is an invariant failure.
 *
 * @module
 */

import { assert } from "../assert.ts";
import type { Command, PlainCommand } from "./command.ts";
import { readOutcome } from "./outcome.ts";

/**
 * Raised when a command's fields or its meaning change; older ones stay readable for ever. The
 * command in a salvaged one has a version of its own: it may be older than what salvages it.
 */
export const commandVersion = 1;

/** Of what a program that knows {@linkcode commandVersion} alone would take for something else. */
const laterVersion = 2;

type FieldKind =
  | "string"
  | "stringOrNull"
  | "stringOrAbsent"
  | "boolean"
  | "strings"
  | "time"
  | "timeOrAbsent";

/** Fields of every command. */
const baseFields = { requestId: "string", fingerprint: "string", timeMs: "time" } as const;

/** Fields of each kind, besides those of all. */
const kindFields: Record<PlainCommand["kind"], Readonly<Record<string, FieldKind>>> = {
  createAccount: { accountId: "string", name: "string", passwordHash: "string" },
  login: {
    accountId: "string",
    sessionId: "string",
    tokenHash: "string",
    passwordHash: "string",
    idleMs: "timeOrAbsent",
  },
  renewSession: { accountId: "string", sessionId: "string", idleMs: "time" },
  logout: {
    accountId: "string",
    sessionId: "string",
    all: "boolean",
    endedSessionId: "stringOrAbsent",
  },
  deleteAccount: { accountId: "string", sessionId: "string" },
  sendMessage: {
    accountId: "string",
    sessionId: "string",
    toAccountId: "stringOrNull",
    body: "string",
  },
  acknowledge: { accountId: "string", sessionId: "string", messageIds: "strings" },
  setAdminToken: { tokenHash: "string", replaces: "stringOrNull" },
};

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A command as the log holds it. */
export function encodeCommand(command: Command): Uint8Array {
  const shown = command.kind === "salvaged"
    ? { ...command, command: { version: versionOf(command.command), ...command.command } }
    : command;
  return encoder.encode(JSON.stringify({ version: versionOf(command), ...shown }));
}

/** A logout that names a session would end its author's, where nobody looks for the name. */
function versionOf(command: { readonly kind?: unknown; readonly endedSessionId?: unknown }) {
  const isLater = command.kind === "logout" && command.endedSessionId !== undefined;
  return isLater ? laterVersion : commandVersion;
}

/** The inverse; `index` is the entry's place in the log, for the error that stops the node. */
export function decodeCommand(data: Uint8Array, index: number): Command {
  const value = parseObject(data, index);
  return value["kind"] === "salvaged" ? readSalvaged(value, index) : readPlain(value, index);
}

/** One in another is refused: `readPlain` does not know the kind. */
function readSalvaged(value: Record<string, unknown>, index: number): Command {
  const { version, kind, command: inner, outcome: told, ended, ...base } = value;
  checkVersion(version, commandVersion, index);
  checkFields(base, baseFields, index);
  check(index, "command", "be an object", isObject(inner), inner);
  const command = readPlain(inner as Record<string, unknown>, index);
  const { requestId, fingerprint } = command;
  const own = base["requestId"] === requestId && base["fingerprint"] === fingerprint;
  check(index, "requestId", "be that of the command in it", own, base["requestId"]);
  const outcome = told === null ? null : readOutcome(told);
  const fits = told === null ||
    outcome !== null && (!outcome.ok || outcome.kind === command.kind);
  check(index, "outcome", "be one of its command, or null", fits, told);
  const mayEnd = outcome?.ok === true &&
    (outcome.kind === "login" || outcome.kind === "sendMessage");
  const ends = ended === undefined || ended === true && mayEnd;
  check(index, "ended", "be absent, or true of a session or a message", ends, ended);
  return { kind, ...base, command, outcome, ...ended ? { ended } : {} } as unknown as Command;
}

function readPlain(value: Record<string, unknown>, index: number): PlainCommand {
  const { version, ...command } = value;
  checkVersion(version, versionOf(command), index);
  const kind = command["kind"];
  const known = typeof kind === "string" && Object.hasOwn(kindFields, kind);
  check(index, "kind", "be a known one", known, kind);
  checkFields(command, { ...baseFields, ...kindFields[kind as PlainCommand["kind"]] }, index);
  return command as unknown as PlainCommand;
}

function checkVersion(version: unknown, expected: number, index: number): void {
  check(index, "version", `be ${expected}`, version === expected, version);
}

function checkFields(
  command: Readonly<Record<string, unknown>>,
  fields: Readonly<Record<string, FieldKind>>,
  index: number,
): void {
  for (const [name, fieldKind] of Object.entries(fields)) {
    check(index, name, `be a ${fieldKind}`, hasKind(command[name], fieldKind), command[name]);
  }
}

function parseObject(data: Uint8Array, index: number): Record<string, unknown> {
  let value: unknown = null;
  try {
    value = JSON.parse(decoder.decode(data));
  } catch {
    // Reported below, with the index.
  }
  check(index, "command", "be a JSON object in UTF-8", isObject(value), `${data.length} bytes`);
  return value as Record<string, unknown>;
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
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
    case "stringOrAbsent":
      return value === undefined || typeof value === "string";
    case "boolean":
      return typeof value === "boolean";
    case "strings":
      return Array.isArray(value) && value.every((item) => typeof item === "string");
    case "time":
      return Number.isSafeInteger(value);
    case "timeOrAbsent":
      return value === undefined || Number.isSafeInteger(value);
  }
}
