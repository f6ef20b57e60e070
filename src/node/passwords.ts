/**
 * Password hashes: scrypt with its parameters and salt in the text, so that the cost can rise
 * later. Owns how many run at once; it never keeps or logs a password, and a check of an
 * unknown user does the same work as one of a wrong password.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { availableParallelism } from "node:os";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";

/** What one hash costs: memory is 128 x N x r bytes. */
export interface PasswordCost {
  /** CPU and memory cost; a power of two. */
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** The parameters that OWASP recommends (2^17, 8, 1): 128 MiB and some 0.3 s of one core. */
export const DEFAULT_PASSWORD_COST: PasswordCost = { N: 2 ** 17, r: 8, p: 1 };

const SALT_BYTES = 16;
const KEY_BYTES = 32;

/** How many run at once: half of the cores are left to messages, however many want to log in. */
export function hashesAtOnce(): number {
  return Math.max(1, Math.min(limits.passwordHashesMax, availableParallelism() >> 1));
}

/** Hashes and checks passwords, a bounded number at once. */
export class Passwords {
  readonly #cost: PasswordCost;
  /** Nobody's hash, at the present cost. */
  readonly #decoy: string;
  readonly #atOnce = hashesAtOnce();
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(cost: PasswordCost = DEFAULT_PASSWORD_COST) {
    this.#cost = cost;
    this.#decoy = format(cost, randomBytes(SALT_BYTES), randomBytes(KEY_BYTES));
  }

  /** How many wait for one of those that run. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** A hash to store, as text. Throws `OVERLOADED` if too many wait. */
  hash(password: string): Promise<string> {
    return this.#bounded(async () => {
      const salt = randomBytes(SALT_BYTES);
      return format(this.#cost, salt, await derive(password, salt, this.#cost));
    });
  }

  /**
   * Whether the password is the one of the hash. `null`, an unknown user, is never right and
   * takes as long. Throws `OVERLOADED` if too many wait.
   */
  check(password: string, hash: string | null): Promise<boolean> {
    return this.#bounded(async () => {
      const { cost, salt, key } = parse(hash ?? this.#decoy);
      const derived = await derive(password, salt, cost);
      return timingSafeEqual(derived, key) && hash !== null;
    });
  }

  async #bounded<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#atOnce) {
      if (this.#waiting.length >= limits.passwordHashesWaitingMax) {
        throw new ChatError("OVERLOADED", "Too many logins at once: try again in a second", {
          retryAfterMs: 1_000,
        });
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      // A waiting one takes the place over; only without one does the place become free.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}

function derive(password: string, salt: Uint8Array, cost: PasswordCost): Promise<Uint8Array> {
  const { N, r, p } = cost;
  // Twice what the algorithm needs: the library counts its own overhead too.
  const options = { N, r, p, maxmem: 256 * N * r };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFC"), salt, KEY_BYTES, options, (error, key) => {
      // Without an error it is null, or on some runtimes undefined.
      if (error) reject(error);
      else resolve(key);
    });
  });
}

function format(cost: PasswordCost, salt: Uint8Array, key: Uint8Array): string {
  const parts = [salt, key].map((bytes) => Buffer.from(bytes).toString("base64url"));
  return ["scrypt", cost.N, cost.r, cost.p, ...parts].join("$");
}

/** What {@linkcode format} makes: the salt is 16 bytes, the key 32. */
const FORM = /^scrypt\$(?<N>\d+)\$(?<r>\d+)\$(?<p>\d+)\$(?<salt>[\w-]{22})\$(?<key>[\w-]{43})$/;

/**
 * A damaged hash does not come this far: its row has a seal, and the read of it stops the node. So
 * another form is what the cluster has agreed on, the same on every node, and no node must stop for
 * it: it would be one after another, at each login.
 */
function parse(hash: string): { cost: PasswordCost; salt: Uint8Array; key: Uint8Array } {
  const { N, r, p, salt, key } = FORM.exec(hash)?.groups ?? {};
  if (salt === undefined || key === undefined) {
    const text = "Cannot check this password: its hash has a form that this version does not " +
      "know; try another member, or run the newest version on all of them";
    throw new ChatError("INTERNAL", text);
  }
  const bytes = (text: string) => new Uint8Array(Buffer.from(text, "base64url"));
  return {
    cost: { N: Number(N), r: Number(r), p: Number(p) },
    salt: bytes(salt),
    key: bytes(key),
  };
}
