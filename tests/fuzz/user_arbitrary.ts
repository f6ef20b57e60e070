/**
 * Calls of somebody who is logged in and means harm: each method of both interfaces, with every
 * field filled with what it is for, with what it nearly is, or with anything. Owns which fields
 * there are and what they are given; who calls and what must come of it is `user_fuzz.ts`'s.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import fc from "fast-check";
import { limits } from "../../src/limits.ts";
import { originalMethods } from "../../src/rpc/original_handlers.ts";
import { chatMethods, type Method, subscribeMethod } from "../../src/rpc/services.ts";
import { field, integer, payload, varint, wireBytes, withLength } from "./wire_arbitrary.ts";

/** What is true of the cluster, so that some calls come far. */
export interface Known {
  readonly names: readonly string[];
  readonly password: string;
  /** Positions that it gave out. */
  readonly positions: readonly string[];
}

/** One call; its caller's session is added when it is made. */
export interface UserCall {
  readonly path: string;
  /** In the order of the bytes; a session stands for whatever the caller's token is then. */
  readonly parts: readonly (Uint8Array | "session")[];
  readonly position: string | null;
  /** Which of the callers, and which of the nodes. */
  readonly caller: number;
  readonly node: number;
}

/** The message of a call by whoever has this session. */
export function bytesOf({ path, parts }: UserCall, token: string): Uint8Array {
  const at = SESSION_FIELD.get(path) ?? 1;
  const session = field(at, 2, withLength(Buffer.from(token)));
  return Buffer.concat(parts.map((part) => part === "session" ? session : part));
}

/** Those who call. */
export const CALLERS = 2;

type Kind =
  | "id"
  | "name"
  | "password"
  | "body"
  | "count"
  | "flag"
  | "nameToken"
  | "indexToken"
  | "position"
  | "ids"
  | "positions"
  | "indexes"
  | "session";

interface Asked {
  readonly method: Pick<Method<never, never>, "path">;
  /** Of the fields from 1 on. */
  readonly kinds: readonly Kind[];
  readonly weight: number;
}

/** Each password's hash takes some tenths of a second, so what leads to one is asked for seldom. */
const [OFTEN, SELDOM] = [40, 1];

/** The type demands that no method is forgotten. */
const chat: { readonly [K in keyof typeof chatMethods]: readonly Kind[] } = {
  createAccount: ["id", "name", "password"],
  login: ["id", "name", "password"],
  listSessions: ["count", "nameToken"],
  logout: ["id", "flag"],
  deleteAccount: ["id"],
  listUsers: ["count", "nameToken"],
  sendMessage: ["id", "name", "body"],
  getMessages: ["count", "indexToken"],
  getChat: ["name", "count", "position", "position"],
  acknowledgeMessages: ["id", "ids", "position"],
  getCluster: [],
};

const original: { readonly [K in keyof typeof originalMethods]: readonly Kind[] } = {
  createAccount: ["name", "password"],
  login: ["name", "password"],
  listUsers: [],
  send: ["name", "body", "session"],
  getMessages: ["session"],
  getChat: ["session", "name"],
  acknowledge: ["session", "indexes"],
  deleteAccount: ["session"],
  logout: ["session"],
};

const COSTLY = new Set(["createAccount", "login", "logout", "deleteAccount"]);

function askedOf<Methods extends Readonly<Record<string, Pick<Method<never, never>, "path">>>>(
  methods: Methods,
  kinds: { readonly [K in keyof Methods]: readonly Kind[] },
): readonly Asked[] {
  return Object.entries(methods).map(([name, method]) => {
    return { method, kinds: kinds[name]!, weight: COSTLY.has(name) ? SELDOM : OFTEN };
  });
}

const ASKED: readonly Asked[] = [
  ...askedOf(chatMethods, chat),
  ...askedOf(originalMethods, original),
  { method: subscribeMethod, kinds: ["positions", "flag"], weight: OFTEN / 2 },
];

const SESSION_FIELD = new Map(ASKED.flatMap(({ method, kinds }) => {
  const at = kinds.indexOf("session") + 1;
  return at === 0 ? [] : [[method.path, at] as const];
}));

/** A few ids that come again, with the same content and with another. */
const REPEATED_IDS = Array.from({ length: 6 }, (_, at) => {
  return `0190f1a2-0000-7000-8000-00000000000${at}`;
});

function texts(...values: readonly string[]): fc.Arbitrary<Uint8Array> {
  return fc.constantFrom(...values).map((value) => Buffer.from(value));
}

/** A value of a kind: mostly one that may be taken, else anything. */
function usually(
  good: fc.Arbitrary<Uint8Array>,
  ...nearly: readonly fc.Arbitrary<Uint8Array>[]
): fc.Arbitrary<Uint8Array> {
  return fc.oneof(
    { weight: 14, arbitrary: good },
    { weight: 2, arbitrary: fc.oneof(payload, ...nearly) },
    { weight: 1, arbitrary: fc.constant(Buffer.alloc(0)) },
  );
}

interface Values {
  readonly texts: Readonly<Record<Exclude<Kind, "count" | "flag" | "session" | "indexes">, Texts>>;
}
type Texts = fc.Arbitrary<Uint8Array>;

function valuesOf({ names, password, positions }: Known): Values["texts"] {
  const id = usually(
    fc.oneof(
      { weight: 4, arbitrary: fc.uuid({ version: 7 }).map((text) => Buffer.from(text)) },
      { weight: 2, arbitrary: texts(...REPEATED_IDS) },
    ),
    texts(...REPEATED_IDS.map((one) => one.toUpperCase())),
    texts("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
  );
  const position = usually(
    texts(...positions, ""),
    // Those of other places on this history, of none, and of a history that never was.
    fc.tuple(integer, fc.constantFrom(...positions)).map(([index, one]) =>
      Buffer.from(one.replace(/^\d+/, String(index)))
    ),
    texts("0.0.1.fuzzed", "1.9.9.fuzzed", "1.2.3.%00", "1.1.1.%F0%9F%92%A9", "1.1.1."),
  );
  return {
    id,
    position,
    name: usually(
      texts(...names, ...names.map((name) => name.toUpperCase())),
      texts("nobody", "__proto__", "constructor", ".", "..", "a".repeat(64), "a".repeat(65)),
    ),
    password: usually(
      texts(password, "another password"),
      texts("short", "x".repeat(256), "x".repeat(257), "💩".repeat(129)),
    ),
    body: usually(
      texts("a letter", "\0", "\u202egnp.exe", "\x1b[2J", "one\ntwo", "💩"),
      texts("x".repeat(limits.bodyBytesMax), "x".repeat(limits.bodyBytesMax + 1)),
    ),
    nameToken: usually(texts("", ...names), texts("a\u0000", "a".repeat(65), "')--")),
    indexToken: usually(texts("", "1", "12"), texts("0", "9007199254740993", "1e3", "-1")),
    ids: id,
    positions: position,
  };
}

function fieldOf(
  kind: Exclude<Kind, "session">,
  at: number,
  values: Values["texts"],
): fc.Arbitrary<Uint8Array> {
  const textAt = (value: Uint8Array) => field(at, 2, withLength(value));
  const numberAt = (value: bigint) => field(at, 0, varint(value));
  switch (kind) {
    case "count":
      return fc.oneof(fc.bigInt({ min: 0n, max: 3n }), integer).map(numberAt);
    case "flag":
      return fc.oneof(fc.constantFrom(0n, 0n, 0n, 1n), integer).map(numberAt);
    case "indexes":
      return fc.array(integer, { maxLength: 20 })
        .map((all) => textAt(Buffer.concat(all.map((one) => varint(one)))));
    case "ids":
    case "positions":
      return fc.oneof(
        { weight: 9, arbitrary: fc.array(values[kind], { maxLength: 4 }) },
        // More of them than any request may have.
        { weight: 1, arbitrary: values[kind].map((one) => Array(limits.ackIdsMax + 1).fill(one)) },
      ).map((all) => Buffer.concat(all.map(textAt)));
    default:
      return values[kind].map(textAt);
  }
}

/** Any call. */
export function userCall(known: Known): fc.Arbitrary<UserCall> {
  const values = valuesOf(known);
  const messages = ASKED.map(({ method: { path }, kinds, weight }) => {
    const fields = kinds.map((kind, place): fc.Arbitrary<Uint8Array | "session" | null> => {
      if (kind === "session") return fc.constantFrom("session", "session", "session", null);
      // Of those that exclude one another, often one alone.
      const freq = kind === "ids" || kind === "position" ? 2 : 20;
      return fc.option(fieldOf(kind, place + 1, values), { freq });
    });
    const anything = fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, {
      weight: 1,
      arbitrary: wireBytes,
    });
    const parts = fc.tuple(...fields, anything).map((all) => all.filter((part) => part !== null));
    return { weight, arbitrary: parts.map((all) => ({ path, parts: all })) };
  });
  const header = values.position.map((bytes) => Buffer.from(bytes).toString("latin1"))
    .filter((text) => /^[!-~]+$/.test(text));
  return fc.tuple(
    fc.oneof(...messages),
    fc.oneof({ weight: 5, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: header }),
    fc.nat({ max: CALLERS - 1 }),
    // The last one is no leader.
    fc.constantFrom(0, 0, 0, 1),
  ).map(([message, position, caller, node]) => ({ ...message, position, caller, node }));
}
