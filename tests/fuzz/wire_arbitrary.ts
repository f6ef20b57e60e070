/**
 * Bytes that look like protobuf to some degree: whole messages of random fields, nested ones,
 * fields of the wrong type, lengths that lie, and pieces of all that. Owns their making; knows no
 * schema but that fields have small numbers.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import fc from "fast-check";

/** A varint of protobuf; `value` is not negative. */
export function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let left = value;
  do {
    const more = left > 0x7fn;
    bytes.push(Number(left & 0x7fn) | (more ? 0x80 : 0));
    left >>= 7n;
  } while (left > 0n);
  return Buffer.from(bytes);
}

/** A field with its tag; what follows the tag is as given. */
export function field(number: number, type: number, payload: Uint8Array): Buffer {
  return Buffer.concat([varint(BigInt(number * 8 + type)), payload]);
}

/** Bytes with their length before them, or with one that is wrong by so much. */
export function withLength(payload: Uint8Array, lie = 0): Buffer {
  return Buffer.concat([varint(BigInt(Math.max(0, payload.length + lie))), payload]);
}

const number = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 14 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 15, 16, 536_870_911) },
);

/** Integers of any size that a varint can have, and of one that it cannot. */
export const integer = fc.oneof(
  fc.bigInt({ min: 0n, max: 300n }),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(2n ** 53n, 2n ** 53n - 1n, 2n ** 63n, 2n ** 70n),
);

/** Texts that fields of this schema may hold, or nearly. */
const text = fc.oneof(
  fc.constantFrom("", "n1", "ada", "127.0.0.1:1", "1.2.n1", "0.1.n1/7", "../x", "\u202eabc", "\0"),
  fc.uuid({ version: 7 }),
  fc.string({ maxLength: 40, unit: "binary" }),
).map((value) => Buffer.from(value, "utf8"));

/** What a field of texts or bytes may be given. */
export const payload = fc.oneof(
  text,
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
);

const { message } = fc.letrec<{ message: Buffer; field: Buffer }>((tie) => ({
  message: fc.array(tie("field"), { maxLength: 8, depthIdentifier: "wire" })
    .map((fields) => Buffer.concat(fields)),
  field: fc.oneof(
    { depthSize: "small", withCrossShrink: true, depthIdentifier: "wire" },
    fc.tuple(number, integer).map(([at, value]) => field(at, 0, varint(value))),
    fc.tuple(number, payload).map(([at, bytes]) => field(at, 2, withLength(bytes))),
    fc.tuple(number, fc.uint8Array({ minLength: 8, maxLength: 8 }))
      .map(([at, bytes]) => field(at, 1, bytes)),
    fc.tuple(number, fc.uint8Array({ minLength: 4, maxLength: 4 }))
      .map(([at, bytes]) => field(at, 5, bytes)),
    // Groups, their ends, and types that there are not.
    fc.tuple(number, fc.constantFrom(3, 4, 6, 7), fc.uint8Array({ maxLength: 4 }))
      .map(([at, type, bytes]) => field(at, type, bytes)),
    fc.tuple(number, payload, fc.constantFrom(-1, 1, 100, 2 ** 31, 2 ** 40))
      .map(([at, bytes, lie]) => field(at, 2, withLength(bytes, lie))),
    fc.tuple(number, tie("message")).map(([at, inner]) => field(at, 2, withLength(inner))),
  ),
}));

/** Any of these. */
export const wireBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 6, arbitrary: message },
  {
    weight: 2,
    arbitrary: fc.tuple(message, fc.double({ min: 0, max: 1, noNaN: true }))
      .map(([bytes, part]) => bytes.subarray(0, Math.floor(bytes.length * part))),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  // Messages in messages, deeper than anybody nests them.
  {
    weight: 1,
    arbitrary: fc.tuple(fc.integer({ min: 1, max: 14 }), fc.integer({ min: 1, max: 3_000 })).map(
      ([at, depth]) => {
        let bytes: Uint8Array = Buffer.alloc(0);
        for (let n = 0; n < Math.min(depth, 300); n++) bytes = field(at, 2, withLength(bytes));
        return bytes;
      },
    ),
  },
);
