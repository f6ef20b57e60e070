/**
 * The checks that every conversion from the wire shares: presence, exact integers, times. What
 * fails one is the sender's fault, so all of them throw `INVALID_ARGUMENT` with the field; none
 * knows what a field means.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { ChatError } from "../errors.ts";
import type { google, Writer } from "./gen/messages.js";

type Timestamp = google.protobuf.Timestamp;

/** Encodes and decodes the messages of one type. */
export interface Codec<T> {
  encode(message: T, writer?: Writer): Writer;
  decode(bytes: Uint8Array): T;
}

/** A type of message as bytes, with conversion both ways; what the services are made of. */
export interface Form<T> {
  toBytes(value: T): Uint8Array;
  /** Throws `INVALID_ARGUMENT`, with the field where one is at fault. */
  fromBytes(bytes: Uint8Array): T;
}

/** A form from the generated codec and the two conversions. */
export function form<T, W>(
  codec: Codec<W>,
  { toWire, fromWire }: { toWire: (value: T) => W; fromWire: (wire: W) => T },
): Form<T> {
  return {
    toBytes: (value) => codec.encode(toWire(value)).finish(),
    fromBytes: (bytes) => fromWire(decode(codec, bytes)),
  };
}

/** The form of a message that has no fields. */
export function emptyForm(codec: Codec<object>): Form<object> {
  return form(codec, { toWire: () => ({}), fromWire: () => ({}) });
}

/** The error for a field of a request that cannot be used. */
export function invalid(field: string, problem: string): ChatError {
  return new ChatError("INVALID_ARGUMENT", `Cannot read ${field}: ${problem}`, { field });
}

/** Decodes a message; bytes that are not of its type are the sender's fault. */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array): T {
  try {
    return codec.decode(bytes);
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new ChatError("INVALID_ARGUMENT", `Cannot decode the message: ${detail}`, { cause });
  }
}

/** A text that must be there. */
export function text(value: string, field: string): string {
  if (value === "") throw invalid(field, "it is missing");
  return value;
}

/** A submessage that must be there. */
export function present<T>(value: T | null | undefined, field: string): T {
  if (value === null || value === undefined) throw invalid(field, "it is missing");
  return value;
}

/** A 64-bit integer as an exact number. */
export function integer(value: number, field: string): number {
  if (!Number.isSafeInteger(value)) throw invalid(field, "it is beyond 2^53");
  return value;
}

/** Ms since the epoch as a wire time. */
export function timeToWire(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.floor(ms - seconds * 1000) * 1_000_000 };
}

/** A wire time, which must be there, as ms since the epoch. */
export function timeFromWire(value: Timestamp | null | undefined, field: string): number {
  const { seconds, nanos } = present(value, field);
  if (nanos < 0 || nanos > 999_999_999) throw invalid(field, "its nanos are no part of a second");
  return integer(seconds * 1000 + Math.floor(nanos / 1_000_000), field);
}

/** A copy with memory of its own: what was decoded shares that of everything received with it. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

/** The same bytes as gRPC wants them. */
export function asBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
