/**
 * Plain functions as gRPC handlers: a request and its context go in; an answer, a stream of
 * answers or a `ChatError` comes out. Owns deadlines, cancellation and back-pressure on the
 * serving side; knows no service.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import type {
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  ServerWritableStream,
} from "@grpc/grpc-js";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { CallContext, ResponseInfo } from "./api.ts";
import { credentialsOf, responseMetadata } from "./metadata.ts";
import type { Method } from "./services.ts";
import { toStatus } from "./status.ts";
import { asBuffer, invalid } from "./wire.ts";

/** Messages travel through gRPC as bytes: conversion is done here, where errors have reasons. */
export type UnaryHandler = handleUnaryCall<Buffer, Buffer>;
/** See {@linkcode UnaryHandler}. */
export type StreamHandler = handleServerStreamingCall<Buffer, Buffer>;

/** What unary calls and streams have in common. */
interface AnyCall {
  readonly cancelled: boolean;
  readonly metadata: Metadata;
  getDeadline(): Date | number;
  getPeer(): string;
  getAuthContext(): { readonly sslPeerCertificate?: { readonly raw: Uint8Array } } | null;
  once(event: "cancelled", listener: () => void): unknown;
}

/** A call in progress. */
interface Opened {
  readonly context: CallContext;
  /** The call is answered: its end is no cancellation any more. */
  finish(): void;
}

/** Whether a method insists on a deadline; streams between nodes and health checks need none. */
export interface HandlerOptions {
  readonly deadline: "required" | "optional";
}

/** A unary method. What travels in headers is taken from the answer's `info`, if it has one. */
export function unaryHandler<Request, Response>(
  method: Method<Request, Response>,
  run: (
    request: Request,
    context: CallContext,
  ) => Promise<Response & { readonly info?: ResponseInfo }>,
  options: HandlerOptions = { deadline: "required" },
): UnaryHandler {
  return async (call, callback) => {
    const watch = watchCancel(call);
    try {
      const { context, finish } = open(call, watch, options);
      const answer = await run(method.request.fromBytes(call.request), context);
      finish();
      const bytes = asBuffer(method.response.toBytes(answer));
      if (answer.info) call.sendMetadata(responseMetadata(answer.info));
      callback(null, bytes);
    } catch (error) {
      watch.finish();
      callback(toStatus(ChatError.from(error)));
    }
  };
}

/**
 * A server stream. Answers are pulled one at a time, as fast as the caller reads them. What
 * travels in headers is taken from the first answer's `info`, if it has one.
 */
export function streamHandler<Request, Response>(
  method: Method<Request, Response>,
  run: (
    request: Request,
    context: CallContext,
  ) => AsyncIterable<Response & { readonly info?: ResponseInfo }>,
  options: HandlerOptions = { deadline: "required" },
): StreamHandler {
  return async (call) => {
    const watch = watchCancel(call);
    try {
      const { context } = open(call, watch, options);
      const answers = run(method.request.fromBytes(call.request), context);
      const writer = new BoundedWriter(call, context);
      for await (const answer of answers) {
        if (watch.cancelled()) return;
        if (answer.info) call.sendMetadata(responseMetadata(answer.info));
        await writer.write(asBuffer(method.response.toBytes(answer)));
        if (watch.cancelled()) return;
      }
      watch.finish();
      call.end();
    } catch (error) {
      if (watch.cancelled()) return;
      watch.finish();
      call.emit("error", toStatus(ChatError.from(error)));
    }
  };
}

/** A timer may be so early, ms. */
const EARLY_MS = 1;

/**
 * Keeps what is due to end from being written to. By its own timer gRPC ends the call, but does not
 * say so before that end has gone out; and what is written in between keeps it back, so that the
 * caller would wait for ever. Here, since also what waits in the stream is written then.
 */
function endInTime(call: ServerWritableStream<Buffer, Buffer>, { deadlineMs }: CallContext): void {
  const write = call._write;
  // As gRPC's timer counts it: the wall clock may be set meanwhile.
  const dueMs = performance.now() + (deadlineMs - Date.now()) - EARLY_MS;
  call._write = (...args) => {
    if (performance.now() < dueMs) write.apply(call, args);
  };
}

/**
 * Writes no more than the caller reads, but for a bound in bytes: the stream's own bound counts
 * messages, and sixteen of the longest for each of thousands of stuck readers are too many.
 */
class BoundedWriter {
  readonly #call: ServerWritableStream<Buffer, Buffer>;
  #unread = 0;
  #wake: () => void = () => {};

  constructor(call: ServerWritableStream<Buffer, Buffer>, context: CallContext) {
    this.#call = call;
    endInTime(call, context);
    call.once("cancelled", () => this.#wake());
  }

  /** Resolves when more may be written, or the caller has gone. */
  async write(bytes: Buffer): Promise<void> {
    this.#unread += bytes.length;
    this.#call.write(bytes, () => {
      this.#unread -= bytes.length;
      this.#wake();
    });
    while (this.#unread > limits.unreadBytesMax && !this.#call.cancelled) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

/** Turns the end of a call into an abort, unless the call was answered before. */
interface CancelWatch {
  cancelled(): boolean;
  signal(): AbortSignal;
  finish(): void;
}

function watchCancel(call: AnyCall): CancelWatch {
  let cancelled = call.cancelled;
  let finished = false;
  // Most calls never ask for their signal, and making one is not free.
  let controller: AbortController | null = null;
  call.once("cancelled", () => {
    if (finished) return;
    cancelled = true;
    controller?.abort();
  });
  return {
    cancelled: () => cancelled,
    signal: () => {
      controller ??= new AbortController();
      if (cancelled) controller.abort();
      return controller.signal;
    },
    finish: () => {
      finished = true;
    },
  };
}

/** The caller's certificate, as DER; `null` if it has shown none. */
export function certificateOf(call: Pick<AnyCall, "getAuthContext">): Uint8Array | null {
  return call.getAuthContext()?.sslPeerCertificate?.raw ?? null;
}

function open(call: AnyCall, watch: CancelWatch, options: HandlerOptions): Opened {
  const deadline = call.getDeadline();
  const deadlineMs = typeof deadline === "number" ? deadline : deadline.getTime();
  if (options.deadline === "required" && deadlineMs === Infinity) {
    throw invalid("grpc-timeout", "every call needs a deadline");
  }
  const { token, position } = credentialsOf(call.metadata);
  const context: CallContext = {
    token,
    position,
    deadlineMs,
    get signal() {
      return watch.signal();
    },
    get from() {
      return call.getPeer();
    },
    get certificate() {
      return certificateOf(call);
    },
  };
  return { context, finish: watch.finish };
}
