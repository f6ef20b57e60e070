/**
 * TLS as the dialling side does it: a handshake for each connection, with what the source of
 * certificates holds at that moment, and a plain word on why one failed. Owns whom a connection is
 * believed to lead to: a host by its name, or a node by its id.
 *
 * @module
 */

import { CallCredentials, ChannelCredentials } from "@grpc/grpc-js";
import { isIP, type Socket } from "node:net";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { ChatError } from "../errors.ts";
import { contextOf, type TlsSource } from "../tls/material.ts";
import { nodeNamesOf } from "../tls/names.ts";

/** How the other side is known to be the one that is meant. */
export type ServerCheck =
  /** By the host that is dialled. */
  | { readonly by: "host" }
  /** By the nodes that its certificate is for; a sentence about why these are wrong. */
  | { readonly by: "node"; readonly problem: (nodes: readonly string[]) => ChatError | null }
  /** Not at all: only for a look at oneself. */
  | { readonly by: "nothing" };

export interface TlsClient {
  readonly source: TlsSource;
  readonly check: ServerCheck;
}

/** Secures the connections of one channel, and remembers how that went. */
export class TlsCredentials extends ChannelCredentials {
  readonly #host: string;
  readonly #client: TlsClient;
  #failure: ChatError | null = null;
  /** That of the connection before, while the newest is being made: calls fail by it meanwhile. */
  #before: ChatError | null = null;
  #secured = false;
  #nodes: readonly string[] = [];

  constructor(host: string, client: TlsClient) {
    super();
    this.#host = host;
    this.#client = client;
  }

  /** Why the newest connection was not made; `null` if it was, or failed below TLS. */
  get failure(): ChatError | null {
    return this.#failure ?? this.#before;
  }

  /** Whether the newest connection got so far that only the other side could refuse. */
  get secured(): boolean {
    return this.#secured;
  }

  /** For which nodes the certificate is that the newest connection has shown. */
  get nodes(): readonly string[] {
    return this.#nodes;
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(
    ...[, , given]: Parameters<ChannelCredentials["_createSecureConnector"]>
  ): ReturnType<ChannelCredentials["_createSecureConnector"]> {
    return {
      connect: async (socket) => ({ socket: await this.#secure(socket), secure: true }),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => given ?? CallCredentials.createEmpty(),
      destroy: () => {},
    };
  }

  #secure(socket: Socket): Promise<TLSSocket> {
    this.#before = this.#failure;
    this.#failure = null;
    this.#secured = false;
    this.#nodes = [];
    return new Promise<TLSSocket>((resolve, reject) => {
      const fail = (failure: ChatError) => {
        this.#failure ??= failure;
        secure.destroy();
        reject(failure);
      };
      const secure = connect({ socket, ...this.#options() }, () => {
        const failure = this.#judge(secure);
        if (failure !== null) return fail(failure);
        this.#secured = true;
        resolve(secure);
      });
      // Stays for good: errors of a connection end its calls, and are nobody else's.
      secure.on("error", (error) => {
        if (!this.#secured) fail(explained(error, secure));
      });
      secure.once("close", () => reject(new Error("The connection ended during the handshake")));
    }).finally(() => this.#before = null);
  }

  #options(): ConnectionOptions {
    const { source, check } = this.#client;
    return {
      ...contextOf(source.current()),
      ALPNProtocols: ["h2"],
      minVersion: "TLSv1.2",
      rejectUnauthorized: check.by !== "nothing",
      host: this.#host,
      ...(isIP(this.#host) === 0 ? { servername: this.#host } : {}),
      ...(check.by === "host" ? {} : { checkServerIdentity: () => undefined }),
    };
  }

  #judge(secure: TLSSocket): ChatError | null {
    const { check } = this.#client;
    if (check.by === "nothing") return null;
    if (!secure.authorized) return explained(secure.authorizationError, secure);
    if (check.by === "host") return null;
    this.#nodes = nodeNamesOf(secure.getPeerCertificate().raw);
    return check.problem(this.#nodes);
  }
}

/** What went wrong in a handshake, for people. */
function explained(thrown: unknown, secure: TLSSocket): ChatError {
  const { code = String(thrown), message = String(thrown) } = (thrown ?? {}) as {
    readonly code?: string;
    readonly message?: string;
  };
  const text = handshakeProblem(code, secure) ?? `TLS failed: ${message}`;
  return new ChatError("PERMISSION_DENIED", text, { cause: thrown });
}

/** `undefined` for what has no better words than its own. */
export function handshakeProblem(code: string, secure: TLSSocket): string | undefined {
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return "its certificate is for other hosts";
  if (/WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH_TOO_LONG/.test(code)) {
    return "it does not speak TLS";
  }
  const time = /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/;
  const untrusted = /SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)|CERT_SIGNATURE_FAILURE/;
  if (!time.test(code) && !untrusted.test(code)) return undefined;
  // Not every runtime has a code of its own for this.
  const { valid_from: from, valid_to: to } = secure.getPeerCertificate() ?? {};
  if (code === "CERT_HAS_EXPIRED" || Date.parse(to) < Date.now()) {
    return "its certificate has expired";
  }
  if (code === "CERT_NOT_YET_VALID" || Date.parse(from) > Date.now()) {
    return "its certificate is not valid yet: look at the clocks";
  }
  const text = "its certificate is not from a CA that is trusted here";
  return to === undefined && /VERIFY/.test(code) ? `${text}, or has expired` : text;
}
