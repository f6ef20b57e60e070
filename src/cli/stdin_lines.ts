/**
 * Bytes in, lines out. Owns that a line is what was written, byte for byte: what is no UTF-8 is
 * refused, never mended, and no line is gathered without bound.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";

const LF = 0x0a;
const CR = 0x0d;

/**
 * Lines without their ends, LF or CR LF; the last one may lack it. A CR that ends no line is of the
 * text, at the end of the input too. Throws `INVALID_ARGUMENT` at the first line that cannot be had
 * whole.
 */
export async function* linesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let parts: Uint8Array[] = [];
  let length = 0;
  const add = (part: Uint8Array) => {
    length += part.length;
    if (length > limits.inputLineBytesMax) {
      const text = `Cannot read a line of more than ${limits.inputLineBytesMax} bytes`;
      throw new ChatError("INVALID_ARGUMENT", text);
    }
    parts.push(part);
  };
  for await (const chunk of source) {
    let start = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
      add(chunk.subarray(start, end));
      yield decoded(withoutReturn(parts));
      [parts, length, start] = [[], 0, end + 1];
    }
    if (start < chunk.length) add(chunk.subarray(start));
  }
  if (length > 0) yield decoded(Buffer.concat(parts));
}

/** What stands before a LF. */
function withoutReturn(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = Buffer.concat(parts);
  return bytes.at(-1) === CR ? bytes.subarray(0, -1) : bytes;
}

function decoded(bytes: Uint8Array): string {
  try {
    // A mark of the byte order is what somebody wrote, too.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new ChatError("INVALID_ARGUMENT", "Cannot read a line that is not UTF-8: convert it");
  }
}
