/**
 * Request ids: UUIDs of version 7 (RFC 9562), made by the client so that a retry is known as
 * one (DESIGN §8). Owns their making and their form; whether an id is fresh is the server's
 * to say.
 *
 * @module
 */

import type { ClientClock } from "./clock.ts";

const FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** True for a UUID of version 7 in lower case, the one form that the servers take. */
export function isRequestId(text: string): boolean {
  return FORM.test(text);
}

/** Two hexadecimal digits of each byte, looked up because ids are made once a message. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** A UUIDv7: 48 bits of wall clock in ms, then 74 random bits. */
export function newRequestId(clock: ClientClock): string {
  const bytes = new Uint8Array(16);
  bytes.set(clock.randomBytes(10), 6);
  const now = clock.wall();
  const high = Math.floor(now / 0x1_0000_0000);
  bytes[0] = high >>> 8;
  bytes[1] = high;
  const view = new DataView(bytes.buffer);
  view.setUint32(2, now % 0x1_0000_0000);
  bytes[6] = 0x70 | (view.getUint8(6) & 0x0f);
  bytes[8] = 0x80 | (view.getUint8(8) & 0x3f);
  let text = "";
  for (let at = 0; at < 16; at++) {
    if (at === 4 || at === 6 || at === 8 || at === 10) text += "-";
    text += HEX[view.getUint8(at)];
  }
  return text;
}

/** Under which id a request is asked, through all its attempts. */
export class RequestId {
  #text: string;
  readonly #isKnown: boolean;
  #isInDoubt = false;

  /** `isKnown`: somebody else knows the id, and may ask under it again. */
  constructor(text: string, options: { readonly isKnown: boolean }) {
    this.#text = text;
    this.#isKnown = options.isKnown;
  }

  get text(): string {
    return this.#text;
  }

  /** True once the request may have been done under this id, by any of its attempts. */
  get isInDoubt(): boolean {
    return this.#isInDoubt;
  }

  /** The request may have been done under this id: it is never asked under another. */
  doubt(): void {
    this.#isInDoubt = true;
  }

  /**
   * The request was refused, for a reason that is gone. Whoever applied it remembers the refusal under
   * its id for ever (DESIGN §8), so that it must be asked under another, where that is safe.
   */
  refused(clock: ClientClock): void {
    if (!this.#isKnown && !this.#isInDoubt) this.#text = newRequestId(clock);
  }
}
