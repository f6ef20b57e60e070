/**
 * What the admin commands ask of a whole cluster: status gathered from each member, and
 * calls that must reach the leader; digests are `digest_comparison.ts`'s. Owns the asking and the putting
 * together; it never prints (see `admin.ts`) and knows nothing of gRPC but `AdminApi`.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { AdminApi, CallContext, StatusResponse } from "../rpc/api.ts";
import { type AdminClock, machineClock } from "./admin_clock.ts";
import {
  adminTokenOf,
  type CredentialFlags,
  LocalTokenError,
  localTokenRefused,
} from "./admin_credentials.ts";
import { type SecureConnect, secured, type TlsFlags } from "./tls_options.ts";

/** The admin service of one node, reached over an open connection. */
export type AdminConnection = AdminApi & { close(): void };

/** Opens a connection; nothing is sent before the first call. */
export type AdminConnect = SecureConnect<AdminConnection>;

/** The cluster as it was put together, with who said what. */
export interface ClusterStatus extends StatusResponse {
  /** Ids of members that spoke for themselves; of others, an index of 0 is one that nobody told. */
  readonly answered: readonly string[];
  /** Ids of members that answer, but not to whoever asks. */
  readonly refused: readonly string[];
  /** Of members that gave no answer here, whatever others see of them, by id: why, if TLS says so. */
  readonly unheard: ReadonlyMap<string, string | null>;
}

/** Runs `action` on the cluster at the servers, and closes what it opened. */
export async function withCluster(
  flags:
    & { readonly servers: readonly string[]; readonly timeout: number }
    & TlsFlags
    & CredentialFlags,
  { connect, clock = machineClock }: {
    readonly connect: AdminConnect;
    readonly clock?: AdminClock | undefined;
  },
  action: (cluster: AdminCluster) => Promise<void>,
): Promise<void> {
  const deadlineMs = clock.now() + flags.timeout * 1_000;
  const cluster = new AdminCluster(flags.servers, {
    connect: await secured(flags, connect),
    deadlineMs,
    clock,
    ...await adminTokenOf(flags, flags.servers),
  });
  try {
    await action(cluster);
  } catch (thrown) {
    throw explained(ChatError.from(thrown));
  } finally {
    cluster.close();
  }
}

/** What to do where a node does not know who asks. */
function explained(error: ChatError): ChatError {
  if (error.reason !== "UNAUTHENTICATED" || error instanceof LocalTokenError) return error;
  const text = "Cannot ask the cluster without its admin token, or with another one: give " +
    "--token-file FILE, JMESSAGE_ADMIN_TOKEN, --data DIR of the asked node on its own machine, or " +
    "an operator's --tls-cert and --tls-key";
  return new ChatError("UNAUTHENTICATED", text, { cause: error });
}

/** Whom to ask for what a leader does. */
interface Leader {
  /** As people are told. */
  readonly name: string;
  readonly address: string;
}

/** Asks one cluster, through the addresses it was given and those it learns. */
export class AdminCluster {
  readonly #servers: readonly string[];
  readonly #connect: AdminConnect;
  readonly #connections: Map<string, AdminConnection>;
  /** Absolute, ms since the epoch. */
  readonly deadlineMs: number;
  /** Shown to each node; `undefined`: none. */
  readonly token: string | undefined;
  /** It is one node's own: others will not take it later, either. */
  readonly isLocal: boolean;
  readonly clock: AdminClock;

  constructor(
    servers: readonly string[],
    options: {
      readonly connect: AdminConnect;
      readonly deadlineMs: number;
      readonly token?: string | undefined;
      readonly isLocal?: boolean;
      readonly clock?: AdminClock;
    },
    connections: Map<string, AdminConnection> = new Map(),
  ) {
    this.#servers = servers;
    this.#connect = options.connect;
    this.deadlineMs = options.deadlineMs;
    this.token = options.token;
    this.isLocal = options.isLocal ?? false;
    this.clock = options.clock ?? machineClock;
    this.#connections = connections;
  }

  /** The same, over the same connections, asked with another token. */
  withToken(token: string): AdminCluster {
    const { deadlineMs, clock } = this;
    const options = { connect: this.#connect, deadlineMs, clock, token };
    return new AdminCluster(this.#servers, options, this.#connections);
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.close();
    this.#connections.clear();
  }

  /**
   * The cluster as each member sees it: the leader's answer (else the newest term's), with the
   * row of every member that answers replaced by what it says of itself.
   * Throws `NO_LEADER` if no address answers at all, `UNAUTHENTICATED` if one wants another token.
   */
  async status(): Promise<ClusterStatus> {
    const first = await this.#firstAnswer();
    const others = first.members.filter((member) => member.id !== first.self);
    const answers = await Promise.allSettled(
      others.map((member) => this.statusOf(member.clientAddress)),
    );
    const all = [first];
    const refused: string[] = [];
    const unheard = new Map<string, string | null>();
    for (const [index, { id }] of others.entries()) {
      const answer = answers[index];
      if (answer?.status === "rejected") {
        if (isRefused(answer.reason)) refused.push(id);
        else unheard.set(id, handshakeFailure(answer.reason));
        continue;
      }
      const same = answer?.value.clusterId === first.clusterId && answer.value.self === id;
      if (same) all.push(answer.value);
    }
    return { ...merge(all), answered: all.map(({ self }) => self), refused, unheard };
  }

  /** A way to call the member that has applied most: whatever it shows is the newest there is. */
  async newest(): Promise<
    <T>(call: (api: AdminApi, context: CallContext) => Promise<T>) => Promise<T>
  > {
    const { members } = await this.status();
    const newest = members.toSorted((a, b) => b.appliedIndex - a.appliedIndex)[0];
    if (newest === undefined) throw new ChatError("NO_LEADER", "Cannot ask as no member is known");
    return (call) => call(this.#open(newest.clientAddress), this.#context());
  }

  /** The admin service of the member at an address; open until this is closed. */
  member(address: string): AdminApi {
    return this.#open(address);
  }

  /** Calls the leader; tries again while there is none or it has just changed. */
  async onLeader<T>(call: (api: AdminApi, context: CallContext) => Promise<T>): Promise<T> {
    let leader: Leader | undefined;
    while (true) {
      try {
        leader ??= await this.#leader();
        return await call(this.#open(leader.address), this.#context());
      } catch (thrown) {
        const error = ChatError.from(thrown);
        if (this.isLocal && leader !== undefined && isRefused(error)) {
          const orWhat = ", or ask the leader with the --data of its own, on its machine";
          throw localTokenRefused([`The leader ${leader.name}`], { cause: error, orWhat });
        }
        const again = error.reason === "NOT_LEADER" || error.reason === "NO_LEADER";
        if (!again || this.clock.now() + limits.adminPollMs >= this.deadlineMs) throw error;
        const { leader: address = "" } = error;
        leader = address === "" ? undefined : { name: `at ${address}`, address };
        await this.pause();
      }
    }
  }

  /** The pause between two looks at a cluster. */
  pause(): Promise<void> {
    return this.clock.pause(limits.adminPollMs);
  }

  async #leader(): Promise<Leader> {
    const status = await this.status();
    const leader = status.members.find((member) => member.id === status.leader);
    if (leader !== undefined) {
      const { id, clientAddress: address } = leader;
      return { name: `${id} (${address})`, address };
    }
    throw new ChatError("NO_LEADER", "Cannot reach a leader as none is known; try again shortly");
  }

  /** The first answer of the given addresses, asked at once. */
  async #firstAnswer(): Promise<StatusResponse> {
    try {
      return await Promise.any(this.#servers.map((address) => this.statusOf(address)));
    } catch (thrown) {
      const reasons = thrown instanceof AggregateError ? thrown.errors : [thrown];
      const refused = reasons.find(isRefused);
      if (refused !== undefined) throw refused;
      const servers = this.#servers.join(", ");
      throw new ChatError(
        "NO_LEADER",
        `Cannot reach a node at ${servers} (${ChatError.from(reasons[0]).message}); ` +
          "start one or name others with --servers",
        { cause: thrown },
      );
    }
  }

  /** What the node at an address says of itself and of the others. */
  statusOf(address: string): Promise<StatusResponse> {
    return this.#open(address).status({}, this.#context());
  }

  #open(address: string): AdminConnection {
    const open = this.#connections.get(address) ?? this.#connect(address);
    this.#connections.set(address, open);
    return open;
  }

  /** Bounded by the command's deadline and by what one answer may take. */
  #context(): CallContext {
    const nowMs = this.clock.now();
    const deadlineMs = Math.min(this.deadlineMs, nowMs + limits.adminCallMsMax);
    const signal = this.clock.timeout(Math.max(0, deadlineMs - nowMs));
    return { deadlineMs, signal, token: this.token };
  }
}

/** A node that answers, but not to whoever asks. */
export function isRefused(thrown: unknown): boolean {
  const { reason } = ChatError.from(thrown);
  return reason === "UNAUTHENTICATED" || reason === "PERMISSION_DENIED";
}

/** What TLS says of a node that gave no answer (`src/rpc/channel.ts`). */
function handshakeFailure({ cause }: Error): string | null {
  return cause instanceof ChatError ? cause.message : null;
}

function merge(answers: readonly StatusResponse[]): StatusResponse {
  const isLeader = (answer: StatusResponse) => answer.self === answer.leader;
  const newest =
    [...answers].sort((left, right) =>
      Number(isLeader(right)) - Number(isLeader(left)) ||
      Math.max(...right.members.map((member) => member.commitIndex)) -
        Math.max(...left.members.map((member) => member.commitIndex))
    )[0];
  if (newest === undefined) throw new ChatError("INTERNAL", "Cannot merge no answers");
  const own = new Map(
    answers.flatMap((answer) =>
      answer.members.filter((member) => member.id === answer.self).map((row) => [row.id, row])
    ),
  );
  const members = newest.members.map((member) => {
    const row = own.get(member.id);
    return row === undefined ? member : { ...row, voter: member.voter, reachable: true };
  });
  return { ...newest, members };
}
