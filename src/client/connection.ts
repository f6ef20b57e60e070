/**
 * Connections to members, one an address, kept open and shared by all calls. Owns the check
 * that a member belongs to our cluster before the first request goes to it; what is called
 * over a connection, and how often, is the caller's to decide.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { AdminApi, Answered, ChatApi, GetClusterResponse } from "../rpc/api.ts";
import type { AddressBook } from "./address_book.ts";
import type { ClientClock } from "./clock.ts";
import { InFlight } from "./in_flight.ts";

/** The services of one member, reached over one connection. */
export type Connection = ChatApi & AdminApi & {
  /** Ends the connection; calls in flight fail with `NO_ANSWER`. */
  close(): void;
};

/** Opens a connection to `host:port`. Must not wait for it to be established. */
export type Connect = (address: string) => Connection;

interface Slot {
  readonly connection: Connection;
  /** True once the member was seen to belong to our cluster, until it fails. */
  verified: boolean;
  verifying: Promise<void> | null;
}

/** What the pool reports of a member that answered GetCluster. */
export type ClusterListener = (address: string, cluster: GetClusterResponse) => void;

/** Where a pool takes its surroundings from. */
export interface PoolOptions {
  readonly connect: Connect;
  readonly clock: ClientClock;
  readonly book: AddressBook;
  /** The cluster to talk to; `null`: whichever answers first. */
  readonly clusterId: string | null;
  readonly onCluster: ClusterListener;
  /** A member gave no answer. */
  readonly onFailed: (address: string) => void;
}

/** All connections of one client. */
export class ConnectionPool {
  readonly #options: PoolOptions;
  readonly #slots = new Map<string, Slot>();
  readonly #asks: InFlight;
  #clusterId: string | null;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#asks = new InFlight(options.clock);
    this.#clusterId = options.clusterId;
  }

  /** Id of our cluster; `null` until a member has answered. */
  get clusterId(): string | null {
    return this.#clusterId;
  }

  /** The connection to an address; opened if need be. */
  to(address: string): Connection {
    return this.#slot(address).connection;
  }

  /** True if the member is known to be of our cluster and has not failed since. */
  isVerified(address: string): boolean {
    return this.#slots.get(address)?.verified ?? false;
  }

  /**
   * Makes sure that the member at `address` is of our cluster, and learns what it knows of the
   * cluster. Throws `NO_ANSWER` or `WRONG_CLUSTER`; nothing was asked of the member then.
   */
  async verify(address: string): Promise<void> {
    const slot = this.#slot(address);
    if (slot.verified) return;
    slot.verifying ??= this.ask(address).then(() => {}).finally(() => slot.verifying = null);
    await slot.verifying;
  }

  /** GetCluster at one member, with what follows from its answer. Throws like `verify`. */
  async ask(address: string): Promise<Answered<GetClusterResponse>> {
    const slot = this.#slot(address);
    try {
      const deadlineMs = this.#options.clock.wall() + limits.askMsMax;
      const answer = await this.#asks.run(
        address,
        { limitMs: limits.askMsMax },
        (signal) => slot.connection.getCluster({}, { deadlineMs, signal }),
      );
      this.checkCluster(address, answer.info.clusterId);
      slot.verified = true;
      this.#options.book.answered(address);
      this.#options.onCluster(address, answer);
      return answer;
    } catch (thrown) {
      const error = ChatError.from(thrown);
      if (error.reason !== "WRONG_CLUSTER") this.failed(address, error.why ?? null);
      throw error;
    }
  }

  /** Throws `WRONG_CLUSTER` if the answer that came from `address` is not from our cluster. */
  checkCluster(address: string, clusterId: string): void {
    if (clusterId === "") {
      const why = "it is not in a cluster yet";
      throw new ChatError("NO_ANSWER", `No answer from ${address}: ${why}`, { why });
    }
    this.#clusterId ??= clusterId;
    if (clusterId === this.#clusterId) return;
    const slot = this.#slots.get(address);
    if (slot !== undefined) slot.verified = false;
    this.#options.book.answeredForeign(address, clusterId);
    throw wrongCluster(address, { found: clusterId, wanted: this.#clusterId });
  }

  /** No answer came from there: what runs there next may be another cluster's. */
  failed(address: string, why?: string | null): void {
    const slot = this.#slots.get(address);
    if (slot !== undefined) slot.verified = false;
    this.#options.book.failed(address, why);
    this.#options.onFailed(address);
  }

  close(): void {
    this.#asks.close();
    for (const slot of this.#slots.values()) slot.connection.close();
    this.#slots.clear();
  }

  #slot(address: string): Slot {
    let slot = this.#slots.get(address);
    if (slot === undefined) {
      slot = { connection: this.#options.connect(address), verified: false, verifying: null };
      this.#slots.set(address, slot);
    }
    return slot;
  }
}

function wrongCluster(
  address: string,
  clusters: { found: string; wanted: string | null },
): ChatError {
  return new ChatError(
    "WRONG_CLUSTER",
    `The node at ${address} belongs to cluster ${clusters.found}, not to ` +
      `${clusters.wanted ?? "one"}: correct the list of servers, or log in to that cluster`,
  );
}
