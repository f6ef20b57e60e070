/**
 * What a session writes at once, what waits for its rest, and that nothing waits for ever.
 *
 * @module
 */

import assert from "node:assert/strict";
import { FrameGather } from "./frame_gather.ts";

const [DATA, HEADERS, WINDOW_UPDATE] = [0, 1, 8];
const END = 1;

function frame(type: number, flags: number, stream: number): Uint8Array {
  const payload = [7, 7, 7];
  return new Uint8Array([0, 0, payload.length, type, flags, 0, 0, 0, stream, ...payload]);
}

/** A session whose native half has the given frames to send. */
class Session {
  readonly #pending: Uint8Array[] = [];
  readonly #gather = new FrameGather(() => this.send());
  /** Frames of each write. */
  readonly writes: number[] = [];

  send(...frames: readonly Uint8Array[]): void {
    this.#pending.push(...frames);
    const bytes = this.#gather.take(() => this.#pending.shift());
    if (bytes !== undefined) this.writes.push(bytes.length / frame(DATA, 0, 1).length);
  }

  flush(): void {
    this.#gather.flush();
  }

  /** Resolves when so many writes were made. */
  async written(count: number): Promise<void> {
    for (let turn = 0; this.writes.length < count; turn++) {
      assert.ok(turn < 1_000, `${this.writes.length} of ${count} writes were made`);
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
}

Deno.test("frame gather: headers, message and trailers are one write", () => {
  const session = new Session();
  session.send(frame(HEADERS, 0, 1));
  session.send(frame(DATA, 0, 1));
  assert.deepEqual(session.writes, []);
  session.send(frame(HEADERS, END, 1));
  assert.deepEqual(session.writes, [3]);
});

Deno.test("frame gather: whoever has ended waits for the others of that turn", () => {
  const session = new Session();
  session.send(frame(HEADERS, 0, 1), frame(HEADERS, 0, 3));
  session.send(frame(DATA, END, 1));
  assert.deepEqual(session.writes, []);
  session.send(frame(DATA, END, 3));
  assert.deepEqual(session.writes, [4]);
});

Deno.test("frame gather: a stream that stays open waits once, for a few turns", async () => {
  const session = new Session();
  session.send(frame(HEADERS, 0, 1));
  session.send(frame(DATA, 0, 1));
  await session.written(1);
  assert.deepEqual(session.writes, [2]);
  session.send(frame(DATA, 0, 1));
  assert.deepEqual(session.writes, [2, 1]);
});

Deno.test("frame gather: headers that keep coming hold nothing back for ever", async () => {
  const session = new Session();
  for (let stream = 1; session.writes.length === 0; stream += 2) {
    assert.ok(stream < 2_000, "nothing was written");
    session.send(frame(HEADERS, 0, stream % 128));
    await new Promise((resolve) => setTimeout(resolve));
  }
});

Deno.test("frame gather: anything else takes along what is held", () => {
  const session = new Session();
  session.send(frame(HEADERS, 0, 1));
  session.send(frame(WINDOW_UPDATE, 0, 0));
  assert.deepEqual(session.writes, [2]);
});

Deno.test("frame gather: an end by force writes what is held, once", () => {
  const session = new Session();
  session.send(frame(HEADERS, 0, 1));
  session.flush();
  session.flush();
  assert.deepEqual(session.writes, [1]);
});
