/**
 * What the admin commands ask of a whole cluster: status gathered from each member, digests at
 * one common index, and calls that must reach the leader. Owns the asking and the putting
 * together; it never prints (see `admin.ts`) and knows nothing of gRPC but `AdminApi`.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type {
  AdminApi,
  CallContext,
  DigestResponse,
  StatusMember,
  StatusResponse,
} from "../rpc/api.ts";
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
}

/** Runs `action` on the cluster at the servers, and closes what it opened. */
export async function withCluster(
  flags:
    & { readonly servers: readonly string[]; readonly timeout: number }
    & TlsFlags
    & CredentialFlags,
  connect: AdminConnect,
  action: (cluster: AdminCluster) => Promise<void>,
): Promise<void> {
  const deadlineMs = Date.now() + flags.timeout * 1_000;
  const cluster = new AdminCluster(flags.servers, {
    connect: await secured(flags, connect),
    deadlineMs,
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

/** By how much the index of a digest lies ahead of what is applied, at first, ms of writes. */
const AHEAD_MS_MIN = 100;

/** Digests at one index. */
export interface Comparison {
  readonly digests: readonly DigestResponse[];
  /** Ids of members that gave none. */
  readonly missing: readonly string[];
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

  constructor(
    servers: readonly string[],
    options: {
      readonly connect: AdminConnect;
      readonly deadlineMs: number;
      readonly token?: string | undefined;
      readonly isLocal?: boolean;
    },
    connections: Map<string, AdminConnection> = new Map(),
  ) {
    this.#servers = servers;
    this.#connect = options.connect;
    this.deadlineMs = options.deadlineMs;
    this.token = options.token;
    this.isLocal = options.isLocal ?? false;
    this.#connections = connections;
  }

  /** The same, over the same connections, asked with another token. */
  withToken(token: string): AdminCluster {
    const options = { connect: this.#connect, deadlineMs: this.deadlineMs, token };
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
      others.map((member) => this.#statusOf(member.clientAddress)),
    );
    const all = [first];
    const refused: string[] = [];
    for (const [index, { id }] of others.entries()) {
      const answer = answers[index];
      if (answer?.status === "rejected") {
        if (isRefused(answer.reason)) refused.push(id);
        continue;
      }
      const same = answer?.value.clusterId === first.clusterId && answer.value.self === id;
      if (same) all.push(answer.value);
    }
    return { ...merge(all), answered: all.map(({ self }) => self), refused };
  }

  /**
   * Digests of all members that answer, at one index that all of them had applied; `undefined`
   * if they were never seen at one index before the deadline.
   */
  async digests(): Promise<readonly DigestResponse[] | undefined> {
    return (await this.compared())?.digests;
  }

  /** The same, with the ids of those whose digests are missing. */
  async compared(): Promise<Comparison | undefined> {
    const seen = new Map<number, Map<string, DigestResponse>>();
    const { members, missing: missed } = await this.status();
    let aheadMs = AHEAD_MS_MIN;
    let atLeastIndex = isAtRest(members) ? newestOf(members) : await this.#indexIn(aheadMs);
    // A member may be behind a change of the admin token, but not for long.
    const refusedUntil = Math.min(this.deadlineMs, Date.now() + limits.adminCallMsMax) -
      limits.adminPollMs;
    while (Date.now() < this.deadlineMs) {
      const answers = await this.#digestsAt(members, atLeastIndex);
      if (answers instanceof ChatError) {
        if (this.isLocal || Date.now() >= refusedUntil) throw answers;
        await pause();
        continue;
      }
      for (const answer of answers) {
        const row = seen.get(answer.appliedIndex) ?? new Map<string, DigestResponse>();
        seen.set(answer.appliedIndex, row.set(answer.id, answer));
        if (answers.every(({ id }) => row.has(id))) {
          const digests = answers.map(({ id }) => row.get(id) ?? answer);
          // Whom a last resort left behind may have what the others have not.
          const expected = new Set([...members, ...missed].map(({ id }) => id));
          for (const { id } of digests) expected.delete(id);
          return { digests, missing: [...expected] };
        }
      }
      atLeastIndex = await this.#indexIn(aheadMs);
      aheadMs = Math.min(2 * aheadMs, limits.catchUpWaitMsMax / 2);
    }
    return undefined;
  }

  /**
   * The index that the cluster will have come to in so many ms, if it goes on as it does now: each
   * member stops there for its digest, if it hears of that before.
   */
  async #indexIn(ms: number): Promise<number> {
    const before = newestOf((await this.status()).members);
    const beganMs = Date.now();
    await pause();
    const now = newestOf((await this.status()).members);
    return now + Math.ceil((now - before) * ms / Math.max(1, Date.now() - beganMs));
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
        if (!again || Date.now() + limits.adminPollMs >= this.deadlineMs) throw error;
        const { leader: address = "" } = error;
        leader = address === "" ? undefined : { name: `at ${address}`, address };
        await pause();
      }
    }
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
      return await Promise.any(this.#servers.map((address) => this.#statusOf(address)));
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

  #statusOf(address: string): Promise<StatusResponse> {
    return this.#open(address).status({}, this.#context());
  }

  /** Or why a member that must answer did not want to. */
  async #digestsAt(
    members: readonly StatusMember[],
    atLeastIndex: number,
  ): Promise<readonly DigestResponse[] | ChatError> {
    const answers = await Promise.allSettled(
      members.map(({ clientAddress }) => this.#digestOf(clientAddress, atLeastIndex)),
    );
    // A comparison without a voter would hide what it has; who joins may know no token yet.
    const refused = members.flatMap(({ id, voter }, place) => {
      const answer = answers[place];
      const isOne = voter && answer?.status === "rejected" && isRefused(answer.reason);
      return isOne ? [{ id, cause: ChatError.from(answer.reason) }] : [];
    });
    if (refused[0] !== undefined) {
      const { cause } = refused[0];
      return this.isLocal ? localTokenRefused(refused.map(({ id }) => id), { cause }) : cause;
    }
    const digests = answers.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
    if (digests.length > 0) return digests;
    const reasons = answers.map((one) => one.status === "rejected" && ChatError.from(one.reason));
    // Writes went on slower than they were before: the next look takes them as they are then.
    const early = reasons.some((error) => error && error.reason === "NOT_UP_TO_DATE");
    if (early && Date.now() < this.deadlineMs) return [];
    const why = Date.now() < this.deadlineMs
      ? "as no member answers; try again"
      : "in time: that of a large database takes longer; give a longer --timeout";
    throw new ChatError("NOT_UP_TO_DATE", `Cannot read a digest ${why}`);
  }

  /** A large state takes its time: it is waited for, but only as long as its node tells its status. */
  async #digestOf(address: string, atLeastIndex: number): Promise<DigestResponse> {
    const silent = new AbortController();
    const watch = setInterval(
      () => void this.#statusOf(address).catch((error) => silent.abort(error)),
      limits.adminCallMsMax,
    );
    const { deadlineMs, token } = this;
    const late = AbortSignal.timeout(Math.max(0, deadlineMs - Date.now()));
    const signal = AbortSignal.any([silent.signal, late]);
    try {
      return await this.#open(address).digest({ atLeastIndex }, { deadlineMs, signal, token });
    } finally {
      clearInterval(watch);
    }
  }

  #open(address: string): AdminConnection {
    const open = this.#connections.get(address) ?? this.#connect(address);
    this.#connections.set(address, open);
    return open;
  }

  /** Bounded by the command's deadline and by what one answer may take. */
  #context(): CallContext {
    const deadlineMs = Math.min(this.deadlineMs, Date.now() + limits.adminCallMsMax);
    const signal = AbortSignal.timeout(Math.max(0, deadlineMs - Date.now()));
    return { deadlineMs, signal, token: this.token };
  }
}

/** Nothing is being written, as far as all of them show: all will be found where they are now. */
function isAtRest(members: readonly StatusMember[]): boolean {
  const newest = newestOf(members);
  return members.every((one) => one.appliedIndex === newest && one.lastIndex === newest);
}

function newestOf(members: readonly StatusMember[]): number {
  return Math.max(...members.map(({ appliedIndex }) => appliedIndex));
}

/** A node that answers, but not to whoever asks. */
export function isRefused(thrown: unknown): boolean {
  const { reason } = ChatError.from(thrown);
  return reason === "UNAUTHENTICATED" || reason === "PERMISSION_DENIED";
}

/** Resolves after the pause between two looks at a cluster. */
export function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, limits.adminPollMs));
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
