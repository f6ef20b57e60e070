/**
 * The reserve of a node's disk: when free space falls below it, this node takes no more writes as
 * a leader, so that the disk does not become full, which would stop it. Reads, and what serves
 * them, go on; so does everything that only keeps what was taken: as a follower it stores what the
 * leader sends for as long as there is room. Owns the look at the disk and what is refused for it.
 *
 * A leader without room leads a cluster whose other disks may have plenty: it hands over to one of
 * the others, whichever, and refuses only when that did not help. With room again it takes writes.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { DiskSpace } from "../storage/disk_space.ts";
import type { NodeDriver } from "./driver_api.ts";
import type { Logger } from "./logger.ts";
import type { Clock } from "./ports.ts";

/** What a {@linkcode DiskReserve} needs. */
export interface DiskReserveOptions {
  readonly driver: Pick<NodeDriver, "onRole" | "status" | "transfer">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of the disk that holds the data directory; `null` if that is not known. */
  readonly space: () => Promise<DiskSpace | null>;
}

/** Free bytes below which a disk of this size has no room for writes. */
export function reserveOf(totalBytes: number): number {
  return Math.min(limits.diskReserveBytes, totalBytes * limits.diskReserveShare);
}

const MEBIBYTE = 1024 * 1024;

/** Looks at the disk from `start` until it is closed. */
export class DiskReserve {
  readonly #options: DiskReserveOptions;
  readonly #stopListening: () => void;
  #space: DiskSpace | null = null;
  #leads = false;
  #low = false;
  /** So little is left that nothing is taken while this node tries to hand over, either. */
  #urgent = false;
  #handingOver = false;
  #handedOverAt = -Infinity;
  #closed = false;
  #cancel: () => void = () => {};

  constructor(options: DiskReserveOptions) {
    this.#options = options;
    this.#stopListening = options.driver.onRole(({ role }) => this.#leads = role === "leader");
  }

  /** As it was at the newest look; `null` if that is not known. */
  get space(): DiskSpace | null {
    return this.#space;
  }

  /** The disk has no room for writes. */
  get low(): boolean {
    return this.#low;
  }

  /** Why no write is taken now; `null` if they are. */
  refusal(): ChatError | null {
    // Of any other than the leader it is asked where the leader is.
    if (!this.#leads || !this.#low || (this.#handingOver && !this.#urgent)) return null;
    return new ChatError(
      "DISK_FULL",
      "The leader's disk is nearly full, so it takes no writes: make room on it, or give another " +
        "member the lead (jmessage admin transfer)",
    );
  }

  /** Resolves after the first look. */
  start(): Promise<void> {
    return this.#look();
  }

  close(): void {
    this.#closed = true;
    this.#stopListening();
    this.#cancel();
  }

  async #look(): Promise<void> {
    const space = await this.#options.space();
    if (this.#closed) return;
    this.#space = space;
    if (space !== null) this.#judge(space);
    if (this.#low) this.#handOver();
    this.#cancel = this.#options.clock.after(limits.diskLookMs, () => void this.#look());
  }

  #judge({ freeBytes, totalBytes }: DiskSpace): void {
    const reserve = reserveOf(totalBytes);
    // Somewhat more clears it: a file that comes and goes must not make a node change its mind.
    const low = freeBytes < (this.#low ? reserve * limits.diskClearFactor : reserve);
    this.#urgent = freeBytes < reserve / 2;
    if (low === this.#low) return;
    this.#low = low;
    const free = `${Math.floor(freeBytes / MEBIBYTE)} MiB free`;
    const { logger } = this.#options;
    if (low) {
      const text = `The disk is nearly full, ${free}: as a leader this node takes no writes ` +
        `below ${Math.ceil(reserve / MEBIBYTE)} MiB; make room`;
      logger.log("warn", text);
    } else {
      this.#handedOverAt = -Infinity;
      logger.log("info", `The disk has room again, ${free}: writes are taken`);
    }
  }

  #handOver(): void {
    const { clock, driver } = this.#options;
    if (!this.#leads || this.#handingOver) return;
    if (clock.mono() - this.#handedOverAt < limits.diskHandOverMs) return;
    const { leader, members } = driver.status();
    const others = members.filter(({ member, reachable, voter }) =>
      voter && reachable && member.id !== leader
    );
    // Which of them has room is not known: the next time it may be another one's turn.
    const other = others[Math.floor(clock.random() * others.length)];
    if (other === undefined) return;
    this.#handedOverAt = clock.mono();
    this.#handingOver = true;
    driver.transfer(other.member.id).catch(() => undefined).finally(() => {
      this.#handingOver = false;
    });
  }
}
