/**
 * Transport security of one node: its certificates for clients and for peers, the cluster secret,
 * who of the peers is believed to be whom, and how peers are reached. Owns what a node refuses to start with; the
 * handshakes are `src/rpc`'s.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { NodeId } from "../raft/types.ts";
import type { PeerClient } from "../rpc/peer_api.ts";
import { connectPeer } from "../rpc/peer_client.ts";
import { type PeerSecret, peerSecretOf, type PeerTrust } from "../rpc/peer_secret.ts";
import type { PeerTls } from "../rpc/peer_tls.ts";
import { probeTls } from "../rpc/tls_probe.ts";
import type { TlsServer } from "../rpc/tls_server.ts";
import type { TlsMaterial } from "../tls/material.ts";
import { readSecrets } from "../tls/secret_file.ts";
import { succeeds } from "./beginning_anew.ts";
import { Certificates } from "./certificates.ts";
import type { NodeConfig } from "./config.ts";
import type { Clock } from "./ports.ts";

/** What a node needs to know of its transport security. */
export class Security {
  readonly #config: NodeConfig;
  readonly #clock: Clock;
  readonly #clients: Certificates | null;
  readonly #peers: Certificates | null;
  /** When something was last said, by what was said. */
  readonly #told = new Map<string, number>();
  /** Who this node is, once that is known. */
  #nodeId: NodeId | null;

  /** For the client port; `null`: plain text. */
  readonly clients: TlsServer | null;
  /** The same for the port that speaks HTTP/1.1. */
  readonly http: TlsServer | null;
  /** For the peer port, and for dialling others; `null`: plain text. */
  readonly peers: PeerTls | null;
  /** The cluster secret; `null`: nodes show none. */
  readonly #secret: PeerSecret | null;

  private constructor(config: NodeConfig, clock: Clock, opened: {
    readonly clients: Certificates | null;
    readonly peers: Certificates | null;
    readonly secrets: readonly string[];
  }) {
    this.#config = config;
    this.#clock = clock;
    this.#nodeId = config.id;
    this.#clients = opened.clients;
    this.#peers = opened.peers;
    this.clients = this.#clients && {
      source: this.#clients,
      clientCertificate: config.tls?.ca === undefined ? "none" : "optional",
      refused: (from, why) => this.#refused("client", from, why),
    };
    this.http = this.clients && {
      ...this.clients,
      protocols: ["http/1.1"],
      refused: (from, why) => this.#refused("http", from, why),
    };
    this.peers = this.#peers && {
      source: this.#peers,
      speaksFor,
      refused: (from, why) => this.#refused("peer", from, why),
    };
    const [first, ...others] = opened.secrets;
    this.#secret = first === undefined
      ? null
      : peerSecretOf([first, ...others], (from, why) => this.#refused("peer", from, why));
  }

  /**
   * Reads the certificates and looks whether TLS works here. Throws `INVALID_ARGUMENT` for files
   * that are not good, `INTERNAL` for a runtime that cannot do it.
   */
  static async open(config: NodeConfig, clock: Clock): Promise<Security> {
    const { tls, peerTls, logger } = config;
    let security: Security | null = null;
    const common = { clock, logger };
    const secrets = await clusterSecrets(config.clusterSecretFile);
    const clients = tls === null
      ? null
      : await Certificates.open({ ...common, of: "clients", files: tls, read: { flag: "tls" } });
    let peers: Certificates | null = null;
    try {
      if (peerTls !== null) {
        const accept = (material: TlsMaterial) => security?.checkNode(security.#nodeId, material);
        const read = { flag: "peer-tls", ownCa: true } as const;
        peers = await Certificates.open({ ...common, of: "nodes", files: peerTls, read, accept });
      }
      const any = peers ?? clients;
      if (any !== null) await probeTls(any);
      security = new Security(config, clock, { clients, peers, secrets });
      security.checkNode(config.id);
      return security;
    } catch (error) {
      clients?.close();
      peers?.close();
      throw error;
    }
  }

  /** Id for a new node: that of its certificate, if that is for one node; `null`: any. */
  get idOfCertificate(): NodeId | null {
    const [id, another] = this.#peers?.current().nodes ?? [];
    return id === undefined || another !== undefined ? null : id;
  }

  /** When the first of this node's certificates expires; `null` without TLS. */
  get expiresAtMs(): number | null {
    const all = [this.#clients, this.#peers].flatMap((one) => one === null ? [] : [one]);
    return all.length === 0 ? null : Math.min(...all.map(({ expiresAtMs }) => expiresAtMs));
  }

  /** How nodes know each other. */
  get trust(): PeerTrust {
    return { tls: this.peers, secret: this.#secret };
  }

  /** A client for a peer address, where the node of that id must be if it is given. */
  readonly connect = (peerAddress: string, nodeId?: NodeId): PeerClient =>
    connectPeer(peerAddress, { ...this.trust, nodeId });

  /** This node has that id: its certificate, now and later, must be for it. */
  claim(nodeId: NodeId): void {
    this.checkNode(nodeId);
    this.#nodeId = nodeId;
  }

  /** Throws `INVALID_ARGUMENT` if a certificate is not for the node. */
  checkNode(nodeId: NodeId | null, material = this.#peers?.current()): void {
    if (nodeId === null || material === undefined || speaksFor(material.nodes, nodeId)) return;
    const whose = material.nodes.length === 0
      ? "for no node: it has no name urn:jmessage:node:ID"
      : `for node ${material.nodes.join(", ")}`;
    const file = this.#config.peerTls?.cert;
    throw new ChatError(
      "INVALID_ARGUMENT",
      `Cannot use --peer-tls-cert ${file}: it is ${whose}, and this is node ${nodeId}`,
      { field: "peer-tls-cert" },
    );
  }

  /** Reads all certificates again. Never throws: what is broken is logged. */
  async reload(): Promise<void> {
    await Promise.all([this.#clients?.reload(), this.#peers?.reload()]);
  }

  close(): void {
    this.#clients?.close();
    this.#peers?.close();
  }

  /** Whoever is refused comes again at once, from another port. */
  #refused(port: "client" | "http" | "peer", from: string, why: string): void {
    const host = from.replace(/:\d+$/, "");
    const what = `${port} ${host} ${why}`;
    const now = this.#clock.mono();
    if (now - (this.#told.get(what) ?? -Infinity) < limits.refusalLogMs) return;
    if (this.#told.size >= limits.refusalsKept) this.#told.clear();
    this.#told.set(what, now);
    this.#config.logger.log("warn", `Refused ${from} at the ${port} port: ${why}`);
  }
}

/** None without a file. Throws `INVALID_ARGUMENT` for one that is not good. */
async function clusterSecrets(file: string | null): Promise<readonly string[]> {
  if (file === null) return [];
  return await readSecrets(file, {
    flag: "cluster-secret-file",
    // While it is changed there are an old one and a new one.
    linesMax: 2,
    lengthMin: limits.clusterSecretLengthMin,
  });
}

/** A node that began anew after damage goes on with the certificate of the one that it was. */
function speaksFor(nodes: readonly string[], id: NodeId): boolean {
  return nodes.some((node) => node === id || succeeds(id, node));
}
