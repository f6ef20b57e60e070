/**
 * Files that this program keeps beside its databases, which are small: read whole, up to a bound.
 * Owns that a file that has become something else, however large, costs no more memory than one
 * that is what it should be.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { closeSync, openSync, readSync } from "node:fs";
import { open } from "node:fs/promises";
import { limits } from "../limits.ts";

/** Read at once: most of them are shorter. */
const blockBytes = 64 * 1024;

/** The text of a file; `null` if it is longer than any of ours. Throws what the system does. */
export async function readSmallFile(path: string): Promise<string | null> {
  const file = await open(path, "r");
  try {
    const blocks = new Blocks();
    while (!blocks.isTooLong) {
      const { bytesRead } = await file.read(blocks.next, 0, blockBytes, null);
      if (bytesRead === 0) break;
      blocks.filled(bytesRead);
    }
    return blocks.text();
  } finally {
    await file.close();
  }
}

/** The same at once. */
export function readSmallFileSync(path: string): string | null {
  const file = openSync(path, "r");
  try {
    const blocks = new Blocks();
    while (!blocks.isTooLong) {
      const bytesRead = readSync(file, blocks.next, 0, blockBytes, null);
      if (bytesRead === 0) break;
      blocks.filled(bytesRead);
    }
    return blocks.text();
  } finally {
    closeSync(file);
  }
}

/** What was read so far: its size is asked of nobody, as a file may grow, and a device has none. */
class Blocks {
  readonly #read: Buffer[] = [];
  #bytes = 0;
  next: Buffer = Buffer.alloc(blockBytes);

  get isTooLong(): boolean {
    return this.#bytes > limits.keptFileBytesMax;
  }

  filled(bytes: number): void {
    this.#read.push(this.next.subarray(0, bytes));
    this.#bytes += bytes;
    this.next = Buffer.alloc(blockBytes);
  }

  text(): string | null {
    return this.isTooLong ? null : Buffer.concat(this.#read).toString("utf8");
  }
}
