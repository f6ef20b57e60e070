/**
 * Bugs on purpose, each of which the properties must find: a rule of the core replaced by a
 * wrong one, or a port that lies. Owns the bugs; production code has no switch for any of them.
 *
 * @module
 */

import { decodeCommand, encodeCommand } from "../../src/chat/codec.ts";
import type { LogStore, StateStore } from "../../src/node/ports.ts";
import { createCore } from "../../src/raft/core.ts";
import { RULES, type Rules } from "../../src/raft/rules.ts";
import type { Entry } from "../../src/raft/types.ts";
import { SOUND_PARTS } from "../../src/sim/cluster.ts";
import type { ScenarioChoices } from "../../src/sim/scenario_arbitrary.ts";
import type { NodeParts } from "../../src/sim/sim_node_options.ts";

/** A bug, and where to look for it. */
export interface PlantedBug {
  readonly name: string;
  /** The part of the product that it is in. */
  readonly part: "core" | "storage" | "chat";
  readonly parts: NodeParts;
  readonly choices: Omit<ScenarioChoices, "stepsMax">;
  /** Seed of a campaign that finds it soon. */
  readonly seed: number;
  /** A checker that must be among those that notice. */
  readonly caughtBy: string;
}

const anywhere = { nodesMin: 2, nodesMax: 4 };
const lastResort = { ...anywhere, quorum: "all", lastResort: true } as const;
const quorumOnly = { ...anywhere, quorum: "all", lastResort: false } as const;
const majority = { ...anywhere, quorum: "majority" } as const;
const three = { nodesMin: 3, nodesMax: 3, quorum: "majority" } as const;

function brokenRules(broken: Partial<Rules>): NodeParts {
  const rules = { ...RULES, ...broken };
  return { ...SOUND_PARTS, createCore: (options) => createCore(options, rules) };
}

/** Says that a write is on disk when it has only begun. */
function earlyLog(log: LogStore): LogStore {
  let last: Promise<void> = Promise.resolve();
  return {
    load: (entriesMax) => log.load(entriesMax),
    persist(batches) {
      last = last.then(() => log.persist(batches));
      return Promise.resolve();
    },
    read: (from, to, bytesMax) => log.read(from, to, bytesMax),
    history: (through) => log.history(through),
    compact: (base) => log.compact(base),
    close: () => log.close(),
  };
}

/** Applies a command again that it has applied before, as if its request id were another. */
function forgetfulState(state: StateStore): StateStore {
  const seen = new Map<string, number>();
  const again = (entry: Entry): Entry => {
    if (entry.kind !== "command") return entry;
    const command = decodeCommand(entry.data, entry.index);
    const first = seen.get(command.requestId) ?? entry.index;
    seen.set(command.requestId, first);
    if (first === entry.index) return entry;
    const requestId = `${command.requestId}, again at ${entry.index}`;
    return { ...entry, data: encodeCommand({ ...command, requestId }) };
  };
  return wrapped(state, again);
}

/** Gives every account a name of its own: none is ever taken. */
function namelessState(state: StateStore): StateStore {
  const rename = (entry: Entry): Entry => {
    if (entry.kind !== "command") return entry;
    const command = decodeCommand(entry.data, entry.index);
    if (command.kind !== "createAccount") return entry;
    const name = `${command.name}-${entry.index}`;
    return { ...entry, data: encodeCommand({ ...command, name }) };
  };
  return wrapped(state, rename);
}

/** A state that applies other entries than those it is given. */
function wrapped(state: StateStore, change: (entry: Entry) => Entry): StateStore {
  return {
    applied: () => state.applied(),
    apply: (entries) => state.apply(entries.map(change)),
    reader: state.reader,
    salvagedFrom: (entries) => state.salvagedFrom(entries),
    requestsBetween: (from, to) => state.requestsBetween(from, to),
    countUnknown: (requestIds) => state.countUnknown(requestIds),
    settledAmong: (salvaged) => state.settledAmong(salvaged),
    checkpoint: () => state.checkpoint(),
    openSnapshot: () => state.openSnapshot(),
    buildSnapshot: () => state.buildSnapshot(),
    digest: () => state.digest(),
    close: () => state.close(),
  };
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: "acknowledges before the fsync",
    part: "storage",
    parts: { ...SOUND_PARTS, wrapLog: earlyLog },
    choices: majority,
    seed: 1,
    caughtBy: "CommitBacked",
  },
  {
    name: "acknowledges before the replication",
    part: "core",
    parts: brokenRules({ commitSet: (config, has) => config.voters.some(({ id }) => has(id)) }),
    choices: lastResort,
    seed: 1,
    caughtBy: "CommitBacked",
  },
  {
    name: "votes for a stale log",
    part: "core",
    parts: brokenRules({ fresh: () => true }),
    choices: three,
    seed: 3,
    caughtBy: "NoTruncation",
  },
  {
    name: "does not persist the promised term",
    part: "core",
    parts: brokenRules({ persistsPromise: () => false }),
    choices: majority,
    seed: 1,
    caughtBy: "PersistOrder",
  },
  {
    name: "lets the smallest address win whatever its log",
    part: "core",
    parts: brokenRules({ smallestWins: () => true }),
    choices: three,
    seed: 3,
    caughtBy: "NoTruncation",
  },
  {
    name: "counts learners in the quorum",
    part: "core",
    parts: brokenRules({
      counted: (config) => ({ ...config, voters: [...config.voters, ...config.learners] }),
    }),
    choices: majority,
    seed: 1,
    caughtBy: "CommitBacked",
  },
  {
    name: "does not look request ids up",
    part: "chat",
    parts: { ...SOUND_PARTS, wrapState: forgetfulState },
    choices: lastResort,
    seed: 1,
    caughtBy: "Durability",
  },
  {
    name: "lets two accounts have one name",
    part: "chat",
    parts: { ...SOUND_PARTS, wrapState: namelessState },
    choices: lastResort,
    seed: 1,
    caughtBy: "Linearizability",
  },
  {
    name: "commits without a quorum of every anchor while a config is pending",
    part: "core",
    parts: brokenRules({ pendingNeedsAnchors: () => false }),
    choices: quorumOnly,
    seed: 1,
    caughtBy: "CommitBacked",
  },
  {
    name: "sends a config before it is persisted",
    part: "core",
    parts: brokenRules({ sendThrough: (last) => last }),
    choices: lastResort,
    seed: 1,
    caughtBy: "PersistOrder",
  },
  {
    name: "ignores certainty in an election by quorum",
    part: "core",
    parts: brokenRules({ trusted: () => true }),
    choices: lastResort,
    seed: 1,
    caughtBy: "LeaderCompleteness",
  },
  {
    name: "counts a lease from the answer instead of the sending",
    part: "core",
    parts: brokenRules({ leaseBegan: (_sentMs, receivedMs) => receivedMs }),
    choices: lastResort,
    seed: 1,
    caughtBy: "LeaseSafety",
  },
  {
    name: "goes on by last resort without being certain",
    part: "core",
    parts: brokenRules({ mayLastResort: () => true }),
    choices: lastResort,
    seed: 1,
    caughtBy: "StateMachineSafety",
  },
];
