/**
 * Every decoder of bytes or texts that others give a node, a client or a command: each either
 * decodes or refuses with an error that says so. Owns the list, and what counts as refused.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import fc from "fast-check";
import { InvariantError } from "../../src/assert.ts";
import { decodeCommand } from "../../src/chat/codec.ts";
import { parsePosition, parseTerm } from "../../src/chat/position.ts";
import { parseIndexToken, parseNameToken } from "../../src/chat/page_token.ts";
import { ChatError } from "../../src/errors.ts";
import { Metadata } from "@grpc/grpc-js";
import { credentialsOf } from "../../src/rpc/metadata.ts";
import { originalMethods } from "../../src/rpc/original_handlers.ts";
import {
  adminMethods,
  backupMethod,
  chatMethods,
  clusterMethods,
  type Method,
  subscribeMethod,
} from "../../src/rpc/services.ts";
import { wireBytes } from "./wire_arbitrary.ts";

/** One decoder. */
export interface Decoder {
  readonly name: string;
  readonly decode: (bytes: Uint8Array) => unknown;
}

type AnyMethod = Pick<Method<unknown, unknown>, "path"> & {
  readonly request: { fromBytes(bytes: Uint8Array): unknown };
  readonly response: { fromBytes(bytes: Uint8Array): unknown };
};

/** All methods that a node serves. */
export const METHODS: readonly AnyMethod[] = [
  ...Object.values<AnyMethod>(chatMethods),
  ...Object.values<AnyMethod>(adminMethods),
  ...Object.values<AnyMethod>(clusterMethods),
  ...Object.values<AnyMethod>(originalMethods),
  subscribeMethod,
  backupMethod,
];

function textOf(decode: (text: string) => unknown): Decoder["decode"] {
  return (bytes) => decode(Buffer.from(bytes).toString("utf8"));
}

const COMMAND = "command in the log";

/** All of them. */
export const DECODERS: readonly Decoder[] = [
  ...METHODS.flatMap(({ path, request, response }) => [
    { name: `request of ${path}`, decode: (bytes: Uint8Array) => request.fromBytes(bytes) },
    { name: `response of ${path}`, decode: (bytes: Uint8Array) => response.fromBytes(bytes) },
  ]),
  // What is in a log went through every check before: there it is damage, which stops a node.
  { name: COMMAND, decode: (bytes) => decodeCommand(bytes, 1) },
  { name: "term", decode: textOf(parseTerm) },
  { name: "position", decode: textOf((text) => parsePosition(text)) },
  { name: "page token of names", decode: textOf(parseNameToken) },
  { name: "page token of indexes", decode: textOf(parseIndexToken) },
  {
    name: "authorization",
    decode: (bytes) => {
      const metadata = new Metadata();
      metadata.set("authorization", Buffer.from(bytes).toString("base64"));
      return credentialsOf(metadata);
    },
  },
];

/** What a decoder may throw: the sender's fault, told as such. */
const REFUSALS = new Set(["INVALID_ARGUMENT", "UNAUTHENTICATED", "CORRUPT"]);

/** Longest that one input may take, ms: none is longer than some KiB. */
const CASE_MS_MAX = 250;

/** Whether it takes too long each time: once may be the machine's doing. */
function isSlow(decode: () => unknown): boolean {
  return [1, 2, 3].every(() => {
    const begun = performance.now();
    try {
      decode();
    } catch {
      // Judged elsewhere.
    }
    return performance.now() - begun > CASE_MS_MAX;
  });
}

/** Feeds so many inputs to decoders; throws with the seed and the smallest input that breaks one. */
export function fuzzDecoders({ cases, seed }: { readonly cases: number; readonly seed: number }) {
  const decoder = fc.constantFrom(...DECODERS);
  fc.assert(
    fc.property(decoder, wireBytes, ({ name, decode }, bytes) => {
      const begun = performance.now();
      try {
        decode(bytes);
      } catch (error) {
        const refused = error instanceof ChatError && REFUSALS.has(error.reason) ||
          name === COMMAND && error instanceof InvariantError;
        if (!refused) {
          throw new Error(`${name} threw ${error} for ${Buffer.from(bytes).toString("hex")}`);
        }
      }
      if (performance.now() - begun > CASE_MS_MAX && isSlow(() => decode(bytes))) {
        throw new Error(`${name} takes more than ${CASE_MS_MAX} ms`);
      }
    }),
    { numRuns: cases, seed },
  );
}
