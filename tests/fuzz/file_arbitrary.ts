/**
 * Files that are not as they were written: cut, flipped, doubled, overwritten, or another thing
 * altogether; and backups that somebody made, whose checksums are right. Owns their making; what is
 * refused is `kept_files.ts`'s to say.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import fc from "fast-check";
import {
  chainedChecksum,
  checksumBytes,
  decodeHead,
  encodePart,
  firstChecksum,
  magicLine,
  partHeadBytes,
} from "../../src/storage/backup_format.ts";
import { RowCounter } from "../../src/storage/row_count.ts";

/** What of a file's length a number from 0 to 1 means. */
const place = fc.double({ min: 0, max: 1, noNaN: true });

/** Lengths and sizes that a reader should not believe. */
const lies = fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x0020_0001);

/** What somebody might put in the place of a file of ours. */
const garbage = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.json({ maxDepth: 4 }).map((text) => Buffer.from(text)),
  fc.string({ unit: "binary", maxLength: 100 }).map((text) => Buffer.from(text)),
  fc.constantFrom(
    "",
    "null",
    "[]",
    "{}",
    "\n",
    "\0",
    '{"__proto__":1}',
    "[".repeat(50_000),
    "1e999",
  )
    .map((text) => Buffer.from(text)),
);

/** A whole file, damaged; seldom as it was. */
export function damagedFile(whole: Uint8Array): fc.Arbitrary<Uint8Array> {
  const at = (part: number) => Math.min(whole.length - 1, Math.floor(part * whole.length));
  return fc.oneof(
    { weight: 4, arbitrary: place.map((part) => whole.subarray(0, at(part))) },
    {
      weight: 6,
      arbitrary: fc.array(fc.tuple(place, fc.nat({ max: 7 })), { minLength: 1, maxLength: 8 })
        .map((flips) => {
          const bytes = Buffer.from(whole);
          for (const [part, bit] of flips) bytes[at(part)]! ^= 1 << bit;
          return bytes;
        }),
    },
    {
      weight: 2,
      arbitrary: fc.tuple(place, lies).map(([part, lie]) => {
        const bytes = Buffer.concat([whole, Buffer.alloc(4)]);
        bytes.writeUInt32BE(lie, at(part));
        return bytes.subarray(0, whole.length);
      }),
    },
    {
      weight: 2,
      arbitrary: fc.tuple(place, place).map(([one, other]) =>
        Buffer.concat([whole.subarray(0, at(one)), whole.subarray(at(other))])
      ),
    },
    { weight: 1, arbitrary: garbage.map((more) => Buffer.concat([whole, more])) },
    { weight: 3, arbitrary: garbage },
  );
}

/** A part as bytes: its kind and its body. */
type RawPart = readonly [kind: number, body: Uint8Array];

function partsOf(backup: Uint8Array): readonly RawPart[] {
  const parts: RawPart[] = [];
  for (let at = magicLine.length; at < backup.length;) {
    const { length } = decodeHead(backup.subarray(at, at + partHeadBytes));
    const from = at + partHeadBytes;
    parts.push([backup[at + partHeadBytes - 1]!, backup.subarray(from, from + length)]);
    at = from + length + checksumBytes;
  }
  return parts;
}

/** The parts as a file, with the checksums that they must have. */
export function backupOf(parts: readonly RawPart[]): Uint8Array {
  const pieces: Uint8Array[] = [magicLine];
  let checksum = firstChecksum();
  for (const [kind, body] of parts) {
    const head = Buffer.alloc(partHeadBytes);
    head.writeUInt32BE(body.length);
    head.writeUInt8(kind, partHeadBytes - 1);
    checksum = chainedChecksum(checksum, head, body);
    pieces.push(head, body, checksum);
  }
  return Buffer.concat(pieces);
}

/** A value of JSON in which one field, at any depth, is something else or not there. */
function changedJson(value: unknown): fc.Arbitrary<unknown> {
  const other = fc.oneof(fc.jsonValue(), fc.constantFrom(null, -1, 0.5, 2 ** 60, "", "x"));
  if (typeof value !== "object" || value === null) return other;
  const keys = Object.keys(value);
  if (keys.length === 0) return other;
  const field = fc.constantFrom(...keys).chain((key) =>
    fc.oneof(changedJson(Reflect.get(value, key)), fc.constant(undefined)).map((changed) => {
      return Array.isArray(value)
        ? value.map((item, at) => String(at) === key ? changed : item)
        : { ...value, [key]: changed };
    })
  );
  return fc.oneof({ weight: 1, arbitrary: other }, { weight: 5, arbitrary: field });
}

/** Kinds of parts that hold JSON, and that hold rows. */
const ROWS = 3;

/** Lines that a stream of rows may not have. */
const lines = fc.oneof(
  garbage.map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(
    '{"table":"accounts"}\n',
    '{"table":7}\n',
    '{"table":"sqlite_schema","columns":["sql"]}\n',
    "[1]\n",
    "[".repeat(10_000) + "\n",
    "]]\n",
    "\n\n",
    "{",
  ).map((text) => Buffer.from(text)),
);

function changedPart([kind, body]: RawPart): fc.Arbitrary<RawPart> {
  const json = () =>
    changedJson(JSON.parse(Buffer.from(body).toString()))
      .map((value) => Buffer.from(JSON.stringify(value) ?? ""));
  const rows = fc.tuple(lines, place).map(([line, part]) => {
    const text = Buffer.from(body);
    const cut = text.indexOf(10, Math.floor(part * text.length)) + 1;
    return Buffer.concat([text.subarray(0, cut), line, text.subarray(cut)]);
  });
  const changed = kind === ROWS ? rows : json();
  return fc.oneof(
    { weight: 6, arbitrary: changed.map((bytes): RawPart => [kind, bytes]) },
    { weight: 1, arbitrary: garbage.map((bytes): RawPart => [kind, bytes]) },
    { weight: 1, arbitrary: fc.nat({ max: 255 }).map((other): RawPart => [other, body]) },
  );
}

/** A backup that somebody made of a whole one, with the right checksums. */
export function forgedBackup(whole: Uint8Array): fc.Arbitrary<Uint8Array> {
  const parts = partsOf(whole);
  return fc.nat({ max: parts.length - 1 }).chain((at) =>
    fc.oneof(
      {
        weight: 8,
        arbitrary: changedPart(parts[at]!).map((part) => parts.with(at, part)),
      },
      { weight: 1, arbitrary: fc.constant(parts.toSpliced(at, 1)) },
      { weight: 1, arbitrary: fc.constant(parts.toSpliced(at, 0, parts[at]!)) },
    )
  ).map(backupOf);
}

/** The same with other rows and an end that tells of just these: only their content is wrong. */
export function forgedRows(whole: Uint8Array): fc.Arbitrary<Uint8Array> {
  const parts = partsOf(whole);
  const at = parts.findIndex(([kind]) => kind === ROWS);
  return changedPart(parts[at]!).filter(([kind]) => kind === ROWS).map(([, body]) => {
    const counter = new RowCounter();
    counter.add(body);
    const digest = createHash("sha256").update(body).digest("hex");
    const end = { chunks: 1, digest, ...counter.counts };
    const { bytes } = encodePart({ kind: "end", end }, firstChecksum());
    const endBody = bytes.subarray(partHeadBytes, bytes.length - checksumBytes);
    return backupOf([...parts.slice(0, at), [ROWS, body], [parts.at(-1)![0], endBody]]);
  });
}
