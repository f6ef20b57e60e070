/**
 * One connection to one address, as calls of bytes. Owns the settings that make failover quick,
 * deadlines, cancellation, and the end of all calls when it is closed; knows no service.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import {
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  logVerbosity,
  Metadata,
  type ServiceError,
  setLogVerbosity,
} from "@grpc/grpc-js";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { answersOf } from "./answers.ts";
import { splitAddress } from "./dial.ts";
import { guardSessions } from "./session_guard.ts";
import { fromStatus, noAnswer, type Status } from "./status.ts";
import { type TlsClient, TlsCredentials } from "./tls_client.ts";
import { asBuffer, invalid } from "./wire.ts";

// What goes wrong is thrown; gRPC must not write to the stderr of a program that uses this.
setLogVerbosity(logVerbosity.NONE);
guardSessions();

/** Bounds of one kind of connection. */
export interface ChannelLimits {
  readonly receiveBytesMax: number;
  readonly sendBytesMax: number;
}

/** A call about to be made. */
export interface Outgoing {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly metadata?: Metadata;
  /** Absolute, ms since the epoch; `undefined` for streams between nodes. */
  readonly deadlineMs?: number;
  readonly signal: AbortSignal;
}

/** What a unary call gave. */
export interface Incoming {
  readonly bytes: Buffer;
  readonly headers: Metadata | undefined;
}

interface Cancellable {
  cancel(): void;
}

function channelOptions({ receiveBytesMax, sendBytesMax }: ChannelLimits): ChannelOptions {
  return {
    "grpc.max_receive_message_length": receiveBytesMax,
    "grpc.max_send_message_length": sendBytesMax,
    // A node that comes back is found at once; the pauses are the failover's, not gRPC's.
    "grpc.initial_reconnect_backoff_ms": limits.reconnectMs,
    "grpc.max_reconnect_backoff_ms": limits.reconnectMsMax,
    // Retries are the caller's: only it knows which outcome is indefinite.
    "grpc.enable_retries": 0,
    // The state of one connection never stands for that of another to the same address.
    "grpc.use_local_subchannel_pool": 1,
    // No proxy of the environment and no DNS record stands between nodes.
    "grpc.enable_http_proxy": 0,
    "grpc.service_config_disable_resolution": 1,
    "grpc.enable_channelz": 0,
    "grpc-node.flow_control_window": limits.receiveWindowBytes,
  };
}

/** A connection, made when it is first used and again whenever it is lost. */
export class Channel {
  readonly address: string;
  readonly #client: Client;
  readonly #tls: TlsCredentials | null;
  readonly #sendBytesMax: number;
  readonly #open = new Set<Cancellable>();
  #closed = false;
  /** Whether the newest stream both ways has got its connection. */
  #ready = false;

  /** In plain text without `tls`. */
  constructor(address: string, bounds: ChannelLimits, tls: TlsClient | null = null) {
    this.address = address;
    this.#sendBytesMax = bounds.sendBytesMax;
    this.#tls = tls === null ? null : new TlsCredentials(splitAddress(address).host, tls);
    const secured = this.#tls ?? credentials.createInsecure();
    this.#client = new Client(address, secured, channelOptions(bounds));
  }

  /** For which nodes the certificate of the other side is; `null` in plain text. */
  get nodes(): readonly string[] | null {
    return this.#tls?.nodes ?? null;
  }

  /**
   * Why TLS made no connection for {@linkcode duplex}, or how it looks when the other side did not
   * want one; `null` if TLS is not why there was no answer.
   */
  get refusal(): ChatError | null {
    if (this.#tls === null) return null;
    if (!this.#tls.secured || this.#ready) return this.#tls.failure;
    const text =
      "it ended the connection after the TLS handshake, as one does that does not take " +
      "this side's certificate: its log says why";
    return new ChatError("PERMISSION_DENIED", text);
  }

  /** What to make of a call that failed. */
  errorOf(failed: Status): ChatError {
    const error = fromStatus(failed, this.address);
    const failure = this.#tls?.failure;
    if (error.reason !== "NO_ANSWER" || !failure) return error;
    return noAnswer(this.address, failure.message, failure);
  }

  /** Throws `ChatError` only; `NO_ANSWER` unless the server gave a reason. */
  unary(outgoing: Outgoing): Promise<Incoming> {
    const refusal = this.#refusal(outgoing);
    if (refusal) return Promise.reject(refusal);
    const { path, bytes, metadata = new Metadata(), signal } = outgoing;
    return new Promise((resolve, reject) => {
      let headers: Metadata | undefined;
      const answered = (error: ServiceError | null, answer?: Buffer) => {
        done();
        if (answer !== undefined && !error) resolve({ bytes: answer, headers });
        else reject(this.errorOf(error ?? {}));
      };
      const options = callOptions(outgoing);
      const call = this.#client.makeUnaryRequest(
        path,
        asItIs,
        asItIs,
        asBuffer(bytes),
        metadata,
        options,
        answered,
      );
      call.on("metadata", (received: Metadata) => headers = received);
      const done = this.#track(call, signal);
    });
  }

  /** Answers of a server stream, pulled one at a time. Throws as {@linkcode unary}. */
  async *stream(outgoing: Outgoing): AsyncGenerator<Buffer, void, undefined> {
    const refusal = this.#refusal(outgoing);
    if (refusal) throw refusal;
    const { path, bytes, metadata = new Metadata(), signal } = outgoing;
    const call: ClientReadableStream<Buffer> = this.#client.makeServerStreamRequest(
      path,
      asItIs,
      asItIs,
      asBuffer(bytes),
      metadata,
      callOptions(outgoing),
    );
    const done = this.#track(call, signal);
    try {
      const failure = yield* answersOf(call);
      if (failure) throw this.errorOf(failure);
    } finally {
      done();
      // The reader may have gone before the end.
      call.cancel();
    }
  }

  /** A stream both ways, without a deadline. */
  duplex(
    { path, metadata = new Metadata() }: Pick<Outgoing, "path" | "metadata">,
  ): ClientDuplexStream<Buffer, Buffer> {
    this.#ready = false;
    if (this.#tls !== null) {
      const until = Date.now() + limits.linkOpenMsMax;
      this.#client.waitForReady(until, (error) => this.#ready = error === undefined);
    }
    return this.#client.makeBidiStreamRequest(path, asItIs, asItIs, metadata, {});
  }

  /** Ends the connection; calls in progress fail with `NO_ANSWER`. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const call of [...this.#open]) call.cancel();
    this.#client.close();
  }

  /** What can be known to fail before anything is sent. */
  #refusal({ bytes, deadlineMs = Infinity, signal }: Outgoing): ChatError | null {
    if (this.#closed) return noAnswer(this.address, "the connection is closed");
    if (signal.aborted) return noAnswer(this.address, "the call was given up");
    if (deadlineMs <= Date.now()) return noAnswer(this.address, "the deadline has passed");
    if (bytes.length <= this.#sendBytesMax) return null;
    return invalid("request", `it has ${bytes.length} bytes of at most ${this.#sendBytesMax}`);
  }

  /** Cancels the call when the caller gives up or this is closed; the result ends that. */
  #track(call: Cancellable, signal: AbortSignal): () => void {
    const cancel = () => call.cancel();
    signal.addEventListener("abort", cancel);
    this.#open.add(call);
    return () => {
      signal.removeEventListener("abort", cancel);
      this.#open.delete(call);
    };
  }
}

function callOptions({ deadlineMs }: Outgoing): { deadline?: number } {
  if (deadlineMs === undefined) return {};
  return { deadline: Math.min(deadlineMs, Date.now() + limits.callMsMax) };
}

function asItIs(bytes: Buffer): Buffer {
  return bytes;
}
