/**
 * Who came into the cluster, became a voter and went, as the log of a node tells it: a line for each
 * change, once the config that makes it is in force and applied here. Owns what is said of it; the
 * configs are the core's.
 *
 * @module
 */

import type { StoredLog } from "../raft/io.ts";
import type { Config, ConfigEntry, Entry, Index, NodeId } from "../raft/types.ts";
import type { Logger } from "./logger.ts";
import type { DriverMeasures } from "./measures.ts";

/** What a config makes of a member that the one before it did not. */
interface Change {
  readonly member: NodeId;
  readonly change: "joined" | "voter" | "learner" | "left" | "removed" | "dropped";
  readonly text: string;
}

/** Hears of the entries that are applied on one node. */
export class MembershipLog {
  readonly #self: NodeId;
  readonly #logger: Logger;
  /** Newest config of which everything was said; `null` before this node knew of any. */
  #told: Config | null = null;
  /** What is applied up to here was in force before this start: nothing of it is news. */
  #knownUpTo: Index = 0;

  constructor(self: NodeId, logger: Logger) {
    this.#self = self;
    this.#logger = logger;
  }

  /** The node starts with this on its disk. */
  begin({ base, configs, commitIndex, applied }: StoredLog): void {
    this.#knownUpTo = Math.max(commitIndex, applied.index);
    const inForce = (entry: ConfigEntry) => entry.index <= this.#knownUpTo;
    this.#told = configs.findLast(inForce)?.config ?? base.config?.config ?? null;
  }

  /** Tells these measures what it is told, with a line for each change of a member. */
  before(measures: DriverMeasures): DriverMeasures {
    return {
      appended: (entries, ms) => measures.appended(entries, ms),
      applied: (entries, outcomes, ms) => {
        measures.applied(entries, outcomes, ms);
        for (const entry of entries) if (entry.kind === "config") this.#inForce(entry);
      },
      checkpointed: (ms) => measures.checkpointed(ms),
      committed: (ms) => measures.committed(ms),
    };
  }

  #inForce({ index, config }: Entry & { readonly kind: "config" }): void {
    if (index <= this.#knownUpTo) return;
    const before = this.#told ?? without(config, this.#self);
    this.#told = config;
    // What happened before it was a member, a new node reads at once: it is no news of its time.
    if (!isIn(config, this.#self) && !isIn(before, this.#self)) return;
    for (const { text, ...fields } of changes(before, config)) {
      this.#logger.log("info", text, { ...fields, voters: config.voters.length, index });
    }
  }
}

function* changes(before: Config, after: Config): Generator<Change, void, void> {
  const [hadVote, hasVote] = [before, after].map((config) => idsOf(config.voters));
  for (const { id: member } of [...after.voters, ...after.learners]) {
    const votes = hasVote!.has(member);
    if (!isIn(before, member)) {
      const text = `Member ${member} joined (${votes ? "voter" : "learner"})`;
      yield { member, change: "joined", text };
    } else if (votes && !hadVote!.has(member)) {
      yield { member, change: "voter", text: `Member ${member} is a voter now` };
    } else if (!votes && hadVote!.has(member)) {
      yield { member, change: "learner", text: `Member ${member} is no voter any more` };
    }
  }
  for (const { id: member } of [...before.voters, ...before.learners]) {
    if (!isIn(after, member)) yield gone(after, member);
  }
}

function gone(after: Config, member: NodeId): Change {
  if (after.tombstones.includes(member)) {
    return { member, change: "removed", text: `Member ${member} was removed` };
  }
  if (after.leavers.some(({ id }) => id === member)) {
    return { member, change: "left", text: `Member ${member} left, as it was stopped` };
  }
  return { member, change: "dropped", text: `Member ${member} was dropped` };
}

function idsOf(members: Config["voters"]): ReadonlySet<NodeId> {
  return new Set(members.map(({ id }) => id));
}

function isIn({ voters, learners }: Config, member: NodeId): boolean {
  return [...voters, ...learners].some(({ id }) => id === member);
}

function without(config: Config, member: NodeId): Config {
  const others = (members: Config["voters"]) => members.filter(({ id }) => id !== member);
  return { ...config, voters: others(config.voters), learners: others(config.learners) };
}
