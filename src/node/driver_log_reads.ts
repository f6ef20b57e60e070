/**
 * Reads of the log that the core asks for, of entries that it does not hold any more: for a peer
 * that is behind. Owns nothing but the way there and back; which entries, and for whom, is the core's.
 *
 * @module
 */

import { limits } from "../limits.ts";
import type { Effect, Input } from "../raft/io.ts";
import type { LogStore } from "./ports.ts";

/** What {@linkcode LogReads} need and whom they tell. */
export interface LogReadsOptions {
  readonly log: LogStore;
  readonly step: (input: Input) => void;
  readonly onFailed: (error: unknown) => void;
}

/** Answers each `readLog` with one `logRead`. */
export class LogReads {
  readonly #options: LogReadsOptions;

  constructor(options: LogReadsOptions) {
    this.#options = options;
  }

  async follow({ request, from, to }: Effect & { readonly kind: "readLog" }): Promise<void> {
    const { log, step, onFailed } = this.#options;
    try {
      const entries = await log.read(from, to, limits.appendBytesMax);
      step({ kind: "logRead", request, entries });
    } catch (error) {
      onFailed(error);
    }
  }
}
