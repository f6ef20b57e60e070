/**
 * The dialling side of one link: one attempt, from the first packet to the end. Owns the queue of
 * frames, their batching, and the difference between a refused, a rejected and a broken link.
 * Dialling again is the node's to decide.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { ClientDuplexStream, ServiceError } from "@grpc/grpc-js";
import { assert } from "../assert.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { Channel } from "./channel.ts";
import { dial } from "./dial.ts";
import type { Frame, Hello, LinkEnd, LinkEvents, OutgoingLink } from "./peer_api.ts";
import { type PeerTrust, secretMetadata } from "./peer_secret.ts";
import { admitAnswerer, peerDialler } from "./peer_tls.ts";
import { clusterMethods } from "./services.ts";
import { asBuffer } from "./wire.ts";

const { link: method } = clusterMethods;

/** Where to dial, and whom to tell. */
export interface LinkDiallerOptions extends PeerTrust {
  readonly address: string;
  readonly hello: Hello;
  readonly events: LinkEvents;
}

/** One dialled link. Its events never come from within a call of the one who dials. */
export class LinkDialler implements OutgoingLink {
  readonly #options: LinkDiallerOptions;
  readonly #openTimer: ReturnType<typeof setTimeout>;
  #stage: "dialling" | "greeting" | "open" | "over" = "dialling";
  #cancelDial: () => void = () => {};
  #channel: Channel | null = null;
  #call: ClientDuplexStream<Buffer, Buffer> | null = null;
  /** Encoded frames that were not handed to the connection yet. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Bytes handed to the connection that it has not taken yet. */
  #writingBytes = 0;
  #writes = 0;
  #flushPlanned = false;

  constructor(options: LinkDiallerOptions) {
    this.#options = options;
    const late = () => this.#end({ kind: "broken", detail: "no hello in time" });
    this.#openTimer = setTimeout(late, limits.linkOpenMsMax);
    void this.#dial();
  }

  send(frame: Frame): boolean {
    if (this.#stage !== "open") return false;
    const bytes = method.request.toBytes({ kind: "frames", frames: [frame] });
    if (this.queuedBytes() + bytes.length > limits.peerQueueBytesMax) return false;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#planFlush();
    return true;
  }

  queuedBytes(): number {
    return this.#waitingBytes + this.#writingBytes;
  }

  close(): void {
    this.#end({ kind: "closed" });
  }

  async #dial(): Promise<void> {
    const { result, cancel } = dial(this.#options.address, { timeoutMs: limits.linkOpenMsMax });
    this.#cancelDial = cancel;
    const dialled = await result;
    if (this.#stage !== "dialling") return;
    if (dialled.kind === "refused") this.#end({ kind: "refused" });
    else if (dialled.kind === "failed") this.#end({ kind: "broken", detail: dialled.detail });
    else this.#greet();
  }

  #greet(): void {
    this.#stage = "greeting";
    const { address, hello, tls, secret } = this.#options;
    const bounds = {
      receiveBytesMax: limits.peerMessageBytesMax,
      sendBytesMax: limits.peerMessageBytesMax,
    };
    const meant = hello.toNodeId === "" ? undefined : hello.toNodeId;
    const secure = tls === null ? null : peerDialler(tls, address, meant);
    const channel = new Channel(address, bounds, secure);
    const call = channel.duplex({ path: method.path, ...secretMetadata(secret) });
    this.#channel = channel;
    this.#call = call;
    call.on("data", (bytes) => this.#received(bytes));
    call.on("error", (error) => this.#failed(error as ServiceError));
    // Comes after the error if there is one.
    call.on("end", () => this.#end({ kind: "broken", detail: "the other side ended it" }));
    call.write(asBuffer(method.request.toBytes({ kind: "hello", hello })));
  }

  #received(bytes: Uint8Array): void {
    if (this.#stage !== "greeting") return;
    let hello: Hello;
    try {
      hello = method.response.fromBytes(bytes);
    } catch (error) {
      this.#end({ kind: "broken", detail: ChatError.from(error).message });
      return;
    }
    try {
      const { address, tls } = this.#options;
      admitAnswerer(tls, hello.nodeId, { address, nodes: this.#channel?.nodes ?? null });
    } catch (error) {
      this.#end({ kind: "untrusted", error: ChatError.from(error) });
      return;
    }
    clearTimeout(this.#openTimer);
    this.#stage = "open";
    this.#options.events.opened(hello);
  }

  #failed(cause: ServiceError): void {
    assert(this.#channel !== null, "A stream has a channel");
    const error = this.#channel.errorOf(cause);
    const answered = error.reason !== "NO_ANSWER";
    const refusal = this.#stage === "greeting" ? this.#channel.refusal : null;
    if (answered) this.#end({ kind: "rejected", error });
    else if (refusal !== null) this.#end({ kind: "untrusted", error: refusal });
    else this.#end({ kind: "broken", detail: error.message });
  }

  /** What is sent in one turn of the event loop travels together. */
  #planFlush(): void {
    if (this.#flushPlanned || this.#writes >= limits.linkWritesInFlightMax) return;
    this.#flushPlanned = true;
    queueMicrotask(() => {
      this.#flushPlanned = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#stage !== "open" || this.#waiting.length === 0) return;
    assert(this.#call !== null, "An open link has a stream");
    const batch = this.#takeBatch();
    this.#writes += 1;
    this.#writingBytes += batch.length;
    this.#call.write(batch, () => {
      this.#writes -= 1;
      this.#writingBytes -= batch.length;
      if (this.#waiting.length > 0) this.#planFlush();
    });
    if (this.#waiting.length > 0) this.#planFlush();
  }

  /** At least one frame; as many more as fit. */
  #takeBatch(): Buffer {
    let count = 0;
    let bytes = 0;
    for (const frame of this.#waiting) {
      if (count > 0 && bytes + frame.length > limits.linkBatchBytesMax) break;
      bytes += frame.length;
      count += 1;
    }
    this.#waitingBytes -= bytes;
    return Buffer.concat(this.#waiting.splice(0, count), bytes);
  }

  #end(end: LinkEnd): void {
    if (this.#stage === "over") return;
    this.#stage = "over";
    clearTimeout(this.#openTimer);
    this.#cancelDial();
    this.#waiting = [];
    this.#waitingBytes = 0;
    // Its error was the news, or is no news any more.
    this.#call?.cancel();
    this.#channel?.close();
    // Whoever calls `close` is not told before it has gone on.
    queueMicrotask(() => this.#options.events.ended(end));
  }
}
