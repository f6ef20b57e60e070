/**
 * Gathers what a session has to send, so that a whole request or a whole answer leaves in one
 * write: on Deno 2.9 its headers, its message and its trailers each go out by themselves, and the
 * other side wakes up for each of them. Owns what is held back and for how long; it never changes
 * or reorders a byte, and on a stream that stays open only its beginning waits.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { setImmediate } from "node:timers";
import { limits } from "../limits.ts";

/** Bytes of a frame before its payload, and what is in them (RFC 9113, 4.1 and 6). */
const headBytes = 9;
const [DATA, HEADERS] = [0, 1];
const END_STREAM = 1;

/** The outgoing bytes of one session. */
export class FrameGather {
  /** Asks for {@linkcode take} again, and writes what it gives. */
  readonly #write: () => void;
  #held: Uint8Array[] = [];
  /** Streams whose headers are held and whose end is still to come. */
  readonly #begun = new Set<number>();
  /** Turns of the event loop for which what is held may still wait. */
  #turnsLeft = 0;
  #planned = false;

  constructor(write: () => void) {
    this.#write = write;
  }

  /** Takes all chunks, each of whole frames, and gives what is to be sent now, if anything is. */
  take(next: () => Uint8Array | undefined): Uint8Array | undefined {
    for (let chunk = next(); chunk !== undefined && chunk.length > 0; chunk = next()) {
      this.#held.push(chunk);
      this.#look(chunk);
    }
    if (this.#held.length === 0) return undefined;
    if (this.#turnsLeft > 0) {
      this.#plan();
      return undefined;
    }
    const held = this.#held;
    this.#held = [];
    this.#begun.clear();
    return held.length === 1 ? held[0] : Buffer.concat(held);
  }

  /** Writes what is held back. */
  flush(): void {
    this.#turnsLeft = 0;
    if (this.#held.length > 0) this.#write();
  }

  #look(chunk: Uint8Array): void {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let at = 0; at + headBytes <= chunk.length;) {
      const [bytes, type] = [view.getUint32(at) >>> 8, view.getUint8(at + 3)];
      const ends = (view.getUint8(at + 4) & END_STREAM) !== 0;
      this.#frame(type, { ends, stream: view.getUint32(at + 5) });
      at += headBytes + bytes;
    }
  }

  #frame(
    type: number,
    { ends, stream }: { readonly ends: boolean; readonly stream: number },
  ): void {
    if (type === HEADERS && !ends) {
      this.#begun.add(stream);
      // Not anew for each: one after another would hold back the first for ever.
      if (this.#turnsLeft === 0) this.#turnsLeft = limits.gatherTurnsMax;
    } else if ((type === HEADERS || type === DATA) && this.#begun.has(stream)) {
      if (!ends) return;
      this.#begun.delete(stream);
      if (this.#begun.size === 0) this.#turnsLeft = 0;
    } else {
      this.#turnsLeft = 0;
    }
  }

  #plan(): void {
    if (this.#planned) return;
    this.#planned = true;
    setImmediate(() => {
      this.#planned = false;
      if (this.#held.length === 0) return;
      this.#turnsLeft -= 1;
      if (this.#turnsLeft <= 0) this.flush();
      else this.#plan();
    });
  }
}
