/**
 * The accepting side of one link: the hello first, the node's word on it, then frames as they
 * come. Owns the order of these steps and that the receiver is told once that it is over; what
 * is in the frames is none of its business.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { LinkRequest } from "./convert_link.ts";
import { certificateOf } from "./handlers.ts";
import { credentialsOf } from "./metadata.ts";
import {
  type Hello,
  type IncomingLink,
  type LinkReceiver,
  type PeerApi,
  PROTOCOL_VERSION,
} from "./peer_api.ts";
import { admitSecret, type PeerTrust } from "./peer_secret.ts";
import { admitCaller } from "./peer_tls.ts";
import { clusterMethods } from "./services.ts";
import { toStatus } from "./status.ts";
import { asBuffer, invalid } from "./wire.ts";

const { link: method } = clusterMethods;

type Stage =
  | { readonly kind: "hello"; readonly timer: ReturnType<typeof setTimeout> }
  | { readonly kind: "deciding" }
  | { readonly kind: "open"; readonly receiver: LinkReceiver }
  | { readonly kind: "over" };

/** One accepted link, from its first byte to its end. */
export class LinkAcceptor implements IncomingLink {
  readonly #call: ServerDuplexStream<Buffer, Buffer>;
  readonly #api: PeerApi;
  readonly #trust: PeerTrust;
  #stage: Stage;

  constructor(call: ServerDuplexStream<Buffer, Buffer>, api: PeerApi, trust: PeerTrust) {
    this.#call = call;
    this.#api = api;
    this.#trust = trust;
    const late = () => this.close(invalid("hello", "it did not come in time"));
    this.#stage = { kind: "hello", timer: setTimeout(late, limits.linkHelloMsMax) };
    call.on("data", (bytes) => this.#received(bytes));
    call.on("end", () => this.close());
    call.on("cancelled", () => this.#over());
    call.on("error", () => this.#over());
  }

  close(error?: ChatError): void {
    if (this.#stage.kind === "over") return;
    this.#over();
    if (error === undefined) this.#call.end();
    else this.#call.emit("error", toStatus(error));
  }

  #received(bytes: Uint8Array): void {
    const stage = this.#stage;
    if (stage.kind === "over") return;
    const request = this.#parse(bytes);
    if (request === null) return;
    if (request.kind === "frames") {
      if (stage.kind === "open") stage.receiver.frames(request.frames);
      else this.close(invalid("frames", "they came before both hellos"));
    } else if (stage.kind === "hello") {
      clearTimeout(stage.timer);
      void this.#decide(request.hello);
    } else {
      this.close(invalid("hello", "it came twice"));
    }
  }

  /** `null` if it cannot be read; the link is closed then. */
  #parse(bytes: Uint8Array): LinkRequest | null {
    try {
      return method.request.fromBytes(bytes);
    } catch (error) {
      this.close(ChatError.from(error));
      return null;
    }
  }

  async #decide(hello: Hello): Promise<void> {
    this.#stage = { kind: "deciding" };
    try {
      const from = this.#call.getPeer();
      const { token } = credentialsOf(this.#call.metadata);
      admitSecret(this.#trust.secret, { token, from });
      const { protocolVersion } = hello;
      if (protocolVersion !== PROTOCOL_VERSION) {
        throw invalid("hello.protocol_version", `${protocolVersion}, not ${PROTOCOL_VERSION}`);
      }
      const certificate = certificateOf(this.#call);
      admitCaller(this.#trust.tls, hello.nodeId, { certificate, from });
      const receiver = await this.#api.openLink(hello, this);
      if (this.#isOver()) {
        receiver.closed();
        return;
      }
      this.#stage = { kind: "open", receiver };
      this.#call.write(asBuffer(method.response.toBytes(receiver.hello)));
    } catch (error) {
      this.close(ChatError.from(error));
    }
  }

  #isOver(): boolean {
    return this.#stage.kind === "over";
  }

  #over(): void {
    const stage = this.#stage;
    this.#stage = { kind: "over" };
    if (stage.kind === "hello") clearTimeout(stage.timer);
    if (stage.kind === "open") stage.receiver.closed();
  }
}
