/**
 * Keeps an HTTP/2 session alive while it is reading. In Deno 2.9 a peer's GOAWAY, or a stream
 * that ends a closing session, makes the session send and free its native half from within the
 * very call that still reads from it: the process then aborts or crashes, at a client's will
 * (denoland/deno issue 36788). Owns the postponement of both to the end of that call, and the way
 * of what is sent through `frame_gather.ts`; it changes nothing in other runtimes, nor in what is
 * sent.
 *
 * @module
 */

import { connect } from "node:http2";
import process from "node:process";
import { Duplex } from "node:stream";
import { FrameGather } from "./frame_gather.ts";

/** The native half of a session, as far as it matters here. */
interface SessionHandle {
  receive(data: Uint8Array): void;
  getOutgoingChunk(): Uint8Array | undefined;
  /** Set on each handle by the session: writes all outgoing chunks to the socket. */
  sendPending(): void;
  destroy(...args: readonly unknown[]): unknown;
}

/** The handle that is reading, and how it was told to end meanwhile. */
interface Reading {
  readonly handle: SessionHandle;
  end: readonly unknown[] | null;
}

/** What all handles inherit from; `undefined` where sessions are made otherwise. */
function handlePrototype(): SessionHandle | undefined {
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const session = connect("http://localhost", { createConnection: () => socket });
  session.on("error", () => {});
  const handle = Object.getOwnPropertySymbols(session)
    .filter((symbol) => symbol.description === "kHandle")
    .map((symbol): unknown => Reflect.get(session, symbol))[0];
  session.destroy();
  return isHandle(handle) ? Object.getPrototypeOf(handle) : undefined;
}

function isHandle(value: unknown): value is SessionHandle {
  const names = ["receive", "getOutgoingChunk", "sendPending", "destroy"];
  return typeof value === "object" && value !== null &&
    names.every((name) => typeof Reflect.get(value, name) === "function");
}

function guard(prototype: SessionHandle): void {
  const { receive, getOutgoingChunk, destroy } = prototype;
  const gathers = new WeakMap<SessionHandle, FrameGather>();
  let reading: Reading | null = null;
  prototype.receive = function (this: SessionHandle, data) {
    const outer = reading;
    const mine: Reading = { handle: this, end: null };
    reading = mine;
    try {
      receive.call(this, data);
    } finally {
      reading = outer;
      if (mine.end !== null) {
        // What was to be said before the end, the answering GOAWAY, still goes out.
        this.sendPending();
        gathers.get(this)?.flush();
        Reflect.apply(destroy, this, mine.end);
      }
    }
  };
  prototype.getOutgoingChunk = function (this: SessionHandle) {
    // Whoever reads sends at the end of it.
    if (reading?.handle === this) return undefined;
    let gather = gathers.get(this);
    if (gather === undefined) {
      gather = new FrameGather(() => this.sendPending());
      gathers.set(this, gather);
    }
    return gather.take(() => getOutgoingChunk.call(this));
  };
  prototype.destroy = function (this: SessionHandle, ...args) {
    if (reading?.handle !== this) {
      gathers.get(this)?.flush();
      return Reflect.apply(destroy, this, args);
    }
    reading.end ??= args;
    return undefined;
  };
}

let guarded = false;

/** Guards all sessions of this process, those of other modules too. Again changes nothing. */
export function guardSessions(): void {
  if (guarded || process.versions["deno"] === undefined) return;
  guarded = true;
  const prototype = handlePrototype();
  if (prototype !== undefined) guard(prototype);
}
