/**
 * The stores of a simulated node as its process sees them: each call that does something is one at
 * which the process may die, and a dead one hears no answer. Owns which calls those are; what the
 * stores do is their own.
 *
 * @module
 */

import type { Outcome } from "../chat/command.ts";
import type { LogStore, SnapshotSource, StateStore } from "../node/ports.ts";
import type { Entry, Index } from "../raft/types.ts";
import type { DiskTrouble } from "./disk_trouble.ts";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

/** Where a store's calls happen. */
interface Place {
  readonly process: Process;
  readonly world: World;
  readonly disk: DiskTrouble;
}

/** The file that a state store writes to, as an error names it. */
const STATE_FILE = "chat.db";

/** What a node applied, and what it knew to be committed as it began. */
export interface Applied {
  readonly entries: readonly Entry[];
  readonly outcomes: ReadonlyMap<Index, Outcome>;
  readonly commitIndex: Index;
}

/** The log store. What is damaged in it ends the process at once, whoever reads it. */
export function mortalLog(
  log: LogStore,
  { process, world, onDamage }: Omit<Place, "disk"> & {
    readonly onDamage: (error: unknown) => void;
  },
): LogStore {
  return {
    load: (entriesMax) => log.load(entriesMax),
    persist(batches) {
      const config = batches.some(({ entries }) => entries.some(({ kind }) => kind === "config"));
      const promise = batches.some(({ promised }) => promised !== undefined);
      const call = config ? "config" : promise ? "promise" : "persist";
      return process.call(call) ? log.persist(batches) : never();
    },
    read: async (from, to, bytesMax) => {
      try {
        return await world.track(log.read(from, to, bytesMax));
      } catch (error) {
        if (process.alive) onDamage(error);
        return await never();
      }
    },
    history: (through) => log.history(through),
    compact: (base) => process.call("compact") ? log.compact(base) : never(),
    close: () => log.close(),
  };
}

/** The state store. */
export function mortalState(
  state: StateStore,
  { process, world, disk, commitIndex, onApplied, onSnapshotEnd }: Place & {
    /** `null` if the node is dead. */
    readonly commitIndex: () => Index | null;
    readonly onApplied: (applied: Applied) => void;
    /** A snapshot was switched to, or given up. */
    readonly onSnapshotEnd: () => void;
  },
): StateStore {
  return {
    applied: () => state.applied(),
    apply: async (entries) => {
      if (!process.call("apply")) return await never();
      const error = disk.writeError(STATE_FILE);
      if (error !== null) throw error;
      const known = commitIndex() ?? entries.at(-1)!.index;
      const result = await world.track(state.apply(entries));
      onApplied({ entries, outcomes: result.outcomes, commitIndex: known });
      return result;
    },
    reader: state.reader,
    salvagedFrom: (entries) => world.track(state.salvagedFrom(entries)),
    requestsBetween: (from, to) => world.track(state.requestsBetween(from, to)),
    countUnknown: (requestIds) => world.track(state.countUnknown(requestIds)),
    settledAmong: (salvaged) => world.track(state.settledAmong(salvaged)),
    checkpoint: () => world.track(state.checkpoint()),
    openSnapshot: () => world.track(state.openSnapshot()),
    buildSnapshot: async () => {
      const sink = await world.track(state.buildSnapshot());
      return {
        write: async (chunk) => {
          if (!process.call("snapshot")) return await never();
          // A write that fails is tried again with the whole snapshot; a full disk stays full.
          if (disk.full) throw disk.writeError(STATE_FILE)!;
          await world.track(sink.write(chunk));
        },
        finish: (expected) =>
          process.call("snapshot") ? world.track(sink.finish(expected)) : never(),
        activate: async () => {
          if (!process.call("snapshot")) return await never();
          await world.track(sink.activate());
          onSnapshotEnd();
        },
        abort: () => {
          if (!process.alive) return never();
          onSnapshotEnd();
          return world.track(sink.abort());
        },
      };
    },
    digest: () => world.track(state.digest()),
    close: () => Promise.resolve(),
  };
}

/** What others copy of the state. */
export async function mortalSource(
  state: Pick<StateStore, "openSnapshot">,
  { process, world, disk }: Place,
): Promise<SnapshotSource> {
  const source = await world.track(state.openSnapshot());
  const next = async () =>
    process.call("serve") ? disk.read(await world.track(source.next())) : await never();
  return { ...source, next, digest: () => source.digest(), close: () => source.close() };
}

/** The answer that a dead process gets. A new one each: one for all would hold on to all who wait. */
function never(): Promise<never> {
  return new Promise(() => {});
}
