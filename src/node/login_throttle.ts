/**
 * How often a password may be tried: for one account, and from one address. Owns the counts of what
 * failed, in this node's memory, bounded; an account need not exist to be counted, so that counting
 * tells nobody which ones do.
 *
 * A person must not be locked out by whoever tries her password elsewhere: from an address where a
 * login to the account succeeded lately, what fails is counted apart.
 *
 * @module
 */

import { nameKey } from "../chat/name.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { hostOf } from "../rpc/host.ts";
import type { Clock } from "./ports.ts";

/** So many may fail at once, and then one in so many ms. */
interface Rate {
  readonly burst: number;
  readonly everyMs: number;
}

const PER_ACCOUNT: Rate = { burst: limits.loginFailuresMax, everyMs: limits.loginFailureMs };
const PER_ADDRESS: Rate = {
  burst: limits.addressFailuresMax,
  everyMs: limits.addressFailureMs,
};

/**
 * Failures by key, those that happened longest ago first; they are forgotten one after another. Each
 * is kept as the time until it is forgotten, ms.
 */
class Failures {
  readonly #rate: Rate;
  readonly #clock: Pick<Clock, "mono">;
  readonly #debts = new Map<string, { readonly ms: number; readonly atMs: number }>();

  constructor(rate: Rate, clock: Pick<Clock, "mono">) {
    this.#rate = rate;
    this.#clock = clock;
  }

  get size(): number {
    return this.#debts.size;
  }

  /** Time until one more may fail, ms; 0: now. */
  waitMs(key: string): number {
    const { burst, everyMs } = this.#rate;
    return Math.max(0, Math.ceil(this.#debtMs(key) + everyMs - burst * everyMs));
  }

  add(key: string, count: 1 | -1): void {
    const ms = Math.max(0, this.#debtMs(key) + count * this.#rate.everyMs);
    this.#debts.delete(key);
    if (ms > 0) this.#debts.set(key, { ms, atMs: this.#clock.mono() });
    dropOldest(this.#debts);
  }

  #debtMs(key: string): number {
    const known = this.#debts.get(key);
    return known === undefined ? 0 : Math.max(0, known.ms - (this.#clock.mono() - known.atMs));
  }
}

/** The logins at one node. */
export class LoginThrottle {
  readonly #accounts: Failures;
  readonly #addresses: Failures;
  /** Accounts with the hosts from where a login succeeded, longest ago first. */
  readonly #trusted = new Map<string, true>();

  constructor(clock: Pick<Clock, "mono">) {
    this.#accounts = new Failures(PER_ACCOUNT, clock);
    this.#addresses = new Failures(PER_ADDRESS, clock);
  }

  /**
   * Checks a password, unless too many have failed: then throws `RATE_LIMITED`, whatever the
   * password. It counts as failed from the start: many at once are no way around.
   */
  async pass<T>(
    { name, from }: { readonly name: string; readonly from: string | undefined },
    check: () => Promise<T | null>,
  ): Promise<T | null> {
    const account = nameKey(name.slice(0, limits.nameLengthMax + 1));
    const host = hostOf(from ?? "");
    const pair = `${account} ${host}`;
    const counted = this.#trusted.has(pair) ? pair : account;
    const waitMs = Math.max(this.#addresses.waitMs(host), this.#accounts.waitMs(counted));
    if (waitMs > 0) throw tooMany(waitMs);
    this.#accounts.add(counted, 1);
    let failed = false;
    try {
      const passed = await check();
      failed = passed === null;
      if (passed !== null) this.#trust(pair);
      return passed;
    } finally {
      // What was no wrong password, an overloaded node say, counts for nobody.
      if (failed) this.#addresses.add(host, 1);
      else this.#accounts.add(counted, -1);
    }
  }

  /** Everything that is counted or remembered. */
  get known(): number {
    return this.#accounts.size + this.#addresses.size + this.#trusted.size;
  }

  #trust(pair: string): void {
    this.#trusted.delete(pair);
    this.#trusted.set(pair, true);
    dropOldest(this.#trusted);
  }
}

function dropOldest(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    if (map.size <= limits.loginsKnownMax) return;
    map.delete(key);
  }
}

function tooMany(waitMs: number): ChatError {
  const seconds = Math.ceil(waitMs / 1_000);
  const text = `Too many logins have failed: try again in ${seconds} s`;
  return new ChatError("RATE_LIMITED", text, { retryAfterMs: waitMs });
}
