/**
 * Asking to be taken into a cluster, again and again until a leader's appends show that it
 * worked (DESIGN §6): a new node by its `--join` list, one that was away by every member it
 * remembers. Owns whom to ask and when to give up; being taken in is the leader's decision.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Member, Policy } from "../raft/types.ts";
import type { JoinAnswer, PeerClient } from "../rpc/peer_api.ts";
import { checkPolicy } from "./config.ts";
import type { Logger } from "./logger.ts";
import { pause } from "./pause.ts";
import type { Clock } from "./ports.ts";

export interface JoiningOptions {
  readonly self: () => Member;
  /** Empty while the node belongs to no cluster. */
  readonly clusterId: () => string;
  /** Peer addresses to ask, as of now. */
  readonly addresses: () => readonly string[];
  /** What the operator asked for: refused if the cluster's is another. */
  readonly policy: Partial<Policy>;
  readonly connect: (peerAddress: string) => PeerClient;
  /** The cluster that takes this node in: remembered before it is believed. */
  readonly accepted: (clusterId: string) => Promise<void>;
  /** True once there is nothing left to ask for. */
  readonly done: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Refusals that will not change by asking again. */
const FINAL: ReadonlySet<string> = new Set([
  "WRONG_CLUSTER",
  "REMOVED",
  "INVALID_ARGUMENT",
  "COPIED_DATA_DIRECTORY",
]);

/** Whether a member has refused this node for good. */
export function isFinal({ reason }: ChatError): boolean {
  return FINAL.has(reason);
}

/** Resolves once it is done or given up by the signal; throws a refusal that is final. */
export async function join(options: JoiningOptions, signal: AbortSignal): Promise<void> {
  const { clock, logger, done } = options;
  for (let round = 0; !done() && !signal.aborted; round++) {
    const failures: string[] = [];
    const taken = await askAll(options, { signal, failures });
    // One that was cut off as there was nothing left to ask for has failed at nothing.
    if (!taken && round % LOG_EVERY_ROUNDS === 0 && !signal.aborted && !done()) {
      const why = failures.length > 0 ? failures.join("; ") : "this node knows no other to ask";
      logger.log("warn", `No leader found yet: ${why}`);
    }
    const retryMs = Math.min(limits.joinRetryMs * 2 ** round, limits.joinRetryMsMax);
    const until = clock.mono() + (taken ? limits.joinTakenMs : retryMs);
    while (!done() && !signal.aborted && clock.mono() < until) {
      await pause(clock, limits.joinPollMs, signal);
    }
  }
}

/** A line about failures now and then, not at each round. */
const LOG_EVERY_ROUNDS = 8;

/** Asks one after another until one takes the node in; a leader that is named is asked next. */
async function askAll(
  options: JoiningOptions,
  { signal, failures }: { readonly signal: AbortSignal; readonly failures: string[] },
): Promise<boolean> {
  const own = options.self().peerAddress;
  const queue = [...new Set(options.addresses())].filter((address) => address !== own);
  const asked = new Set<string>();
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (signal.aborted || options.done()) return false;
    if (asked.has(next) || asked.size >= limits.addressesMax) continue;
    asked.add(next);
    const answer = await ask(options, next, signal).catch((error) => ChatError.from(error));
    if (answer instanceof ChatError) {
      if (isFinal(answer)) throw answer;
      failures.push(`${next}: ${answer.message}`);
    } else if (answer.kind === "accepted") {
      await options.accepted(answer.clusterId);
      options.logger.log("debug", "A member takes this node in", { member: next });
      return true;
    } else if (answer.leaderPeerAddress === "") {
      failures.push(`${next}: it knows no leader`);
    } else if (answer.leaderPeerAddress === own) {
      failures.push(`${next}: it takes this node for the leader`);
    } else {
      // Of one that was asked already there is no more to be heard in this round.
      failures.push(`${next}: it says that ${answer.leaderPeerAddress} leads`);
      queue.unshift(answer.leaderPeerAddress);
    }
  }
  return false;
}

/** One member's answer; throws its refusal. */
async function ask(
  options: JoiningOptions,
  address: string,
  signal: AbortSignal,
): Promise<Exclude<JoinAnswer, { kind: "refused" }>> {
  const client = options.connect(address);
  const context = { deadlineMs: options.clock.wall() + limits.joinAskMsMax, signal };
  try {
    const { policy, nodeId, clusterId } = await client.probe(context);
    const member = options.self();
    // By a name that leads here: "it knows no leader" would not say what to mend.
    if (clusterId === "" && nodeId === member.id) {
      throw new ChatError("NO_LEADER", "it is this node itself, or another one of its id");
    }
    if (policy !== null) checkPolicy(options.policy, policy);
    const answer = await client.join({ clusterId: options.clusterId(), member }, context);
    if (answer.kind === "refused") throw answer.error;
    return answer;
  } finally {
    client.close();
  }
}

/** What {@linkcode clusterAt} asks with. */
export type AskingOptions = Pick<JoiningOptions, "connect" | "clock">;

/** Id of the cluster at these addresses: `own` if any member of it answers, or nobody does. */
export async function clusterAt(
  addresses: readonly string[],
  own: string,
  options: AskingOptions,
): Promise<string> {
  const answers = await Promise.all(addresses.map((address) => clusterOf(address, options)));
  const known = answers.filter((id) => id !== "");
  return known.includes(own) ? own : known[0] ?? own;
}

/** Empty if nobody answers there, or a node without a cluster. */
async function clusterOf(address: string, { connect, clock }: AskingOptions): Promise<string> {
  const client = connect(address);
  const deadlineMs = clock.wall() + limits.otherClusterAnswersMs;
  try {
    return (await client.probe({ deadlineMs, signal: new AbortController().signal })).clusterId;
  } catch {
    return "";
  } finally {
    client.close();
  }
}
