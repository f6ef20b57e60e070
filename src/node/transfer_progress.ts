/**
 * How far a snapshot has come, for the log of both ends (DESIGN §6.3). Owns what is counted and
 * when a line is written; never touches the snapshot.
 *
 * @module
 */

import type { Logger } from "./logger.ts";
import type { Clock } from "./ports.ts";

/** Least time between two lines, ms. */
const LINE_EVERY_MS = 1_000;

export interface TransferProgressOptions {
  /** What is being done, for the line: `sending`, `receiving`. */
  readonly verb: "sending" | "receiving";
  readonly peer: string;
  readonly index: number;
  readonly rowsTotal: number;
  readonly logger: Logger;
  readonly clock: Pick<Clock, "mono">;
}

/** Counts rows and bytes; writes a line now and then, and one at the end. */
export class TransferProgress {
  readonly #options: TransferProgressOptions;
  readonly #startedAt: number;
  #lineAt: number;
  #bytes = 0;
  #rows = 0;

  constructor(options: TransferProgressOptions) {
    this.#options = options;
    this.#startedAt = this.#lineAt = options.clock.mono();
  }

  /** A chunk went through. */
  chunk(rows: number, bytes: number): void {
    this.#rows += rows;
    this.#bytes += bytes;
    const now = this.#options.clock.mono();
    if (now - this.#lineAt < LINE_EVERY_MS) return;
    this.#lineAt = now;
    this.#line("snapshot");
  }

  done(): void {
    this.#line("snapshot done", 100);
  }

  /** It goes on later, or not at all. */

  broken(why: string): void {
    this.#line(`snapshot broke off (${why})`);
  }

  #line(text: string, percent = this.#percent()): void {
    const { verb, peer, index, logger, clock } = this.#options;
    const seconds = Math.max(clock.mono() - this.#startedAt, 1) / 1_000;
    logger.log("info", `${text}: ${verb}`, {
      peer,
      index,
      bytes: this.#bytes,
      percent,
      bytesPerSecond: Math.round(this.#bytes / seconds),
    });
  }

  #percent(): number {
    return Math.min(99, Math.floor((100 * this.#rows) / Math.max(this.#options.rowsTotal, 1)));
  }
}
