/**
 * A node with TLS on both ports, and everybody who may call it: nobody, users, operators, nodes.
 * Owns who shows what; what each of them may do is the table's.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { Client, credentials } from "@grpc/grpc-js";
import { type RunningNode, startNode } from "../../src/node/node.ts";
import type { CallContext } from "../../src/rpc/api.ts";
import { type ChatConnection, connect } from "../../src/rpc/client.ts";
import type { PeerTls } from "../../src/rpc/peer_tls.ts";
import type { TlsFiles } from "../../src/tls/material.ts";
import { TestCa, withDirectory } from "../support/certificates.ts";
import { Source } from "../support/tls_source.ts";

/** Columns of the table. */
export const KINDS = ["nobody", "user", "other user", "admin", "peer"] as const;
export type Kind = (typeof KINDS)[number];

/** Longest that one call may take, ms. */
const CALL_MS_MAX = 5_000;

/** One call's caller, and what is there for it to reach. */
export interface Caller {
  readonly kind: Kind;
  readonly connection: ChatConnection;
  /** Of a session, or the admin token; `undefined`: it shows a certificate, or nothing. */
  readonly token: string | undefined;
  /** For the interface of the original, which knows no certificates and no metadata. */
  readonly original: Client;
  /** For the peer port. */
  readonly tls: PeerTls;
  /** Name of the account whose session `user` has. */
  readonly user: string;
  /** Who sent that account a message, and the message's id. */
  readonly sender: string;
  readonly messageId: string;
  readonly world: World;
}

/** The context of one call. */
export function contextOf({ token }: Pick<Caller, "token">): CallContext {
  const deadlineMs = Date.now() + CALL_MS_MAX;
  return { token, deadlineMs, signal: AbortSignal.timeout(CALL_MS_MAX) };
}

/** One thing for each certificate that a caller may show. */
type ByShown<T> = Readonly<Record<"none" | "operator" | "node", T>>;

export class World {
  readonly node: RunningNode;
  readonly #connections: ByShown<ChatConnection>;
  readonly #tls: ByShown<PeerTls>;
  readonly #original: Client;
  adminToken: string;
  #people = 0;

  private constructor(node: RunningNode, parts: {
    readonly connections: ByShown<ChatConnection>;
    readonly tls: ByShown<PeerTls>;
    readonly original: Client;
  }) {
    this.node = node;
    this.adminToken = node.adminToken() ?? "";
    this.#connections = parts.connections;
    this.#tls = parts.tls;
    this.#original = parts.original;
  }

  static async open(directory: string): Promise<World> {
    const ca = await TestCa.make(join(directory, "ca"));
    const files = await ca.node("n1");
    const node = await startNode({
      data: join(directory, "n1"),
      id: "n1",
      listen: "127.0.0.1:0",
      peerListen: "127.0.0.1:0",
      tls: files,
      peerTls: files,
      originalApi: true,
      reflection: true,
      passwordCost: { N: 2, r: 1, p: 1 },
    });
    await node.ready;
    const shown = {
      none: { ca: ca.ca },
      operator: await ca.operator("ops"),
      node: await ca.node("n2"),
    };
    const by = async <T>(make: (files: TlsFiles) => Promise<T>): Promise<ByShown<T>> => ({
      none: await make(shown.none),
      operator: await make(shown.operator),
      node: await make(shown.node),
    });
    const connections = await by(async (files) => connect(node.listen, await Source.of(files)));
    const tls = await by(async (files): Promise<PeerTls> => {
      return { source: await Source.of(files), speaksFor: () => true, refused() {} };
    });
    const secure = credentials.createSsl(Buffer.from(await Deno.readFile(ca.ca)));
    // That library takes no address for the name that a certificate must have.
    const original = new Client(node.listen.replace("127.0.0.1", "localhost"), secure);
    return new World(node, { connections, tls, original });
  }

  /** Everybody of a kind, each with an account of its own that has a message. */
  async callers(kind: Kind): Promise<readonly Caller[]> {
    const number = ++this.#people;
    const [user, other, sender] = [`ann${number}`, `bob${number}`, `cid${number}`];
    const [own, others, sending] = [
      await this.login(user),
      await this.login(other),
      await this.login(sender),
    ];
    const messageId = randomUUID();
    await this.#connections.none.sendMessage(
      { requestId: messageId, to: user, body: "for one alone" },
      contextOf({ token: sending }),
    );
    const common = { kind, original: this.#original, user, sender, messageId, world: this };
    const shows = (what: "none" | "operator" | "node", token?: string): Caller => {
      return { ...common, connection: this.#connections[what], tls: this.#tls[what], token };
    };
    switch (kind) {
      case "nobody":
        return [shows("none"), shows("none", "no such token"), shows("none", "")];
      case "user":
        return [shows("none", own)];
      case "other user":
        return [shows("none", others)];
      case "admin":
        return [shows("none", this.adminToken), shows("operator")];
      case "peer":
        return [shows("node")];
    }
  }

  /** Makes an account and logs in; gives the token. */
  async login(name: string): Promise<string> {
    const account = { requestId: randomUUID(), name, password: "long enough" };
    await this.#connections.none.createAccount(account, contextOf({ token: undefined }));
    const again = { ...account, requestId: randomUUID() };
    return (await this.#connections.none.login(again, contextOf({ token: undefined }))).token;
  }

  /** Whether a token is one of an open session. */
  async isOpen(token: string | undefined): Promise<boolean> {
    const asked = this.#connections.none.getMessages({}, contextOf({ token }));
    return await asked.then(() => true, () => false);
  }

  async close(): Promise<void> {
    this.#original.close();
    for (const connection of Object.values(this.#connections)) connection.close();
    await this.node.stop();
  }
}

/** Runs `test` with a node of its own. */
export async function withWorld(test: (world: World) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const world = await World.open(directory);
    try {
      await test(world);
    } finally {
      await world.close();
    }
  });
}
