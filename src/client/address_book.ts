/**
 * Every address of the cluster that a client ever learned. Owns which address is tried next: a
 * dead one is skipped for a while, but never forgotten while there is room; it opens no
 * connections and knows nothing of leaders.
 *
 * @module
 */

import { limits } from "../limits.ts";
import type { ClientClock } from "./clock.ts";

interface Known {
  readonly address: string;
  /** Given by the user: such an address is never dropped to make room. */
  readonly listed: boolean;
  /** Failures in a row. */
  failures: number;
  /** Not tried before this time while there is another, monotonic ms. */
  skipUntil: number;
  /** Belongs to another cluster, as far as it was seen last: the id of that cluster. */
  foreign: string | null;
  /** Why its newest failure was one, as far as that is known. */
  why: string | null;
}

/** An address that may be asked, and why it did not answer; `null` if it did, or nobody knows. */
export interface Silence {
  readonly address: string;
  readonly why: string | null;
}

/** Addresses in the order in which they are worth trying. */
export class AddressBook {
  readonly #clock: ClientClock;
  /** In rotation order: who was tried goes to the end. */
  #known: Known[] = [];

  /** `listed` are tried in the order given, those learned later after them. */
  constructor(clock: ClientClock, listed: readonly string[]) {
    this.#clock = clock;
    this.#add(listed, true);
  }

  /** Takes in addresses that a member told. */
  learn(addresses: readonly string[]): void {
    this.#add(addresses, false);
  }

  /** All addresses but those where another cluster answers. */
  all(): readonly string[] {
    return this.#known.filter(({ foreign }) => foreign === null).map(({ address }) => address);
  }

  /** The same with what was in the way at each. */
  silences(): readonly Silence[] {
    return this.#known.filter(({ foreign }) => foreign === null)
      .map(({ address, why }) => ({ address, why }));
  }

  /** The address to try next; it goes to the end of the line. Skipped ones come last. */
  next(except?: string): string {
    const now = this.#clock.mono();
    const usable = this.#known.filter((known) => known.address !== except);
    const line = usable.length > 0 ? usable : this.#known;
    const ready = line.find((known) => known.skipUntil <= now);
    const chosen = ready ?? line.reduce((a, b) => a.skipUntil <= b.skipUntil ? a : b);
    this.#known = [...this.#known.filter((known) => known !== chosen), chosen];
    return chosen.address;
  }

  /** A member at random among those not being skipped: spreads readers over the cluster. */
  any(): string {
    const now = this.#clock.mono();
    const ready = this.#known.filter((known) => known.skipUntil <= now);
    const chosen = ready[Math.floor(this.#clock.random() * ready.length)];
    return chosen?.address ?? this.next();
  }

  /** True if the address failed a short while ago. */
  isSkipped(address: string): boolean {
    return (this.#find(address)?.skipUntil ?? 0) > this.#clock.mono();
  }

  /**
   * No answer came from there: skip it, longer with each failure. `why` is `null` where it is silent,
   * and left out where a request broke that says nothing new: then what is known stays.
   */
  failed(address: string, why?: string | null): void {
    const known = this.#find(address);
    if (known === undefined) return;
    if (why !== undefined) {
      known.why = why?.slice(0, limits.silenceTextLengthMax).toWellFormed() ?? null;
    }
    known.failures = Math.min(known.failures + 1, 16);
    const skipMs = Math.min(limits.skipMsMax, limits.skipMs * 2 ** (known.failures - 1));
    known.skipUntil = this.#clock.mono() + skipMs;
  }

  /** An answer came from there, and from our cluster. */
  answered(address: string): void {
    const known = this.#find(address);
    if (known === undefined) return;
    known.failures = 0;
    known.skipUntil = 0;
    known.foreign = null;
    known.why = null;
  }

  /** A node of another cluster answers there: skip it; it may be put right. */
  answeredForeign(address: string, clusterId: string): void {
    const known = this.#find(address);
    if (known === undefined) return;
    known.foreign = clusterId;
    known.skipUntil = this.#clock.mono() + limits.skipMsMax;
  }

  /** The other cluster's id, if every listed address was last seen to belong to another. */
  foreignCluster(): string | null {
    const listed = this.#known.filter((known) => known.listed);
    const others = listed.every((known) => known.foreign !== null);
    const alive = this.#known.some((known) => known.foreign === null && known.failures === 0);
    return others && !alive ? listed[0]?.foreign ?? null : null;
  }

  #find(address: string): Known | undefined {
    return this.#known.find((known) => known.address === address);
  }

  #add(addresses: readonly string[], listed: boolean): void {
    for (const address of addresses) {
      if (this.#find(address) !== undefined) continue;
      this.#known.push({ address, listed, failures: 0, skipUntil: 0, foreign: null, why: null });
    }
    while (this.#known.length > limits.addressesKnownMax) this.#dropOne();
  }

  /** Room for newer addresses: the one that failed most often and was not given goes first. */
  #dropOne(): void {
    const learned = this.#known.filter((known) => !known.listed);
    const pool = learned.length > 0 ? learned : this.#known;
    const worst = pool.reduce((a, b) => b.failures > a.failures ? b : a);
    this.#known = this.#known.filter((known) => known !== worst);
  }
}
