/**
 * Named scenarios: a list of numbered steps in words, each with what it does to a cluster of
 * cores. A step that fails is reported by its number and words, with every step before it.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Policy } from "../../src/raft/types.ts";
import { TestCluster } from "./cluster.ts";

/** What happens, in words, and how it is brought about. */
export type Step = readonly [words: string, act: (cluster: TestCluster) => void];

export interface ScenarioOptions extends Partial<Policy> {
  /** Nodes that are voters before the first step; 3 if not given. */
  readonly nodes?: number;
}

/** Registers a test that runs the steps in order on a new cluster. */
export function scenario(name: string, options: ScenarioOptions, steps: readonly Step[]): void {
  Deno.test(`scenario: ${name}`, () => {
    const { nodes = 3, ...policy } = options;
    const cluster = TestCluster.of(nodes, policy);
    steps.forEach(([, act], at) => {
      try {
        act(cluster);
      } catch (error) {
        const told = steps.slice(0, at + 1).map(([words], number) => `  ${number + 1}. ${words}`);
        throw new Error(`Step ${at + 1} fails at ${cluster.now} ms:\n${told.join("\n")}`, {
          cause: error,
        });
      }
    });
  });
}

/** Waits until a command proposed at the leader is applied at all of these nodes. */
export function writes(cluster: TestCluster, text: string, ...ids: readonly string[]): number {
  cluster.until(() => cluster.leader() !== undefined, 20_000);
  cluster.propose(text);
  return cluster.until(() => cluster.applied(text, ...ids));
}

/** Makes the cluster live quietly for a while, so that every lease is fresh. */
export function settle(cluster: TestCluster): void {
  cluster.run(500);
}

/** Everybody follows one leader, has the same commands, and each of these once. */
export function meets(
  c: TestCluster,
  ids: readonly string[],
  texts: readonly string[],
  withinMs = 30_000,
): void {
  const same = () => {
    const { stored: { entries } } = c.node(ids[0]!);
    const end = entries.at(-1)?.checksum;
    return ids.every((id) => c.node(id).stored.entries.at(-1)?.checksum === end) &&
      ids.every((id) => c.node(id).applied.checksum === end) && c.voters().join() === ids.join() &&
      ids.every((id) => c.node(id).core?.status().ready === true);
  };
  c.until(same, withinMs);
  for (const id of ids) {
    assert.deepEqual(c.commands(id), c.commands(ids[0]!), `${id} has what ${ids[0]} has`);
    const { tombstones } = c.node(id).stored.configs.at(-1)!.config;
    assert.ok(!tombstones.some((gone) => ids.includes(gone)), "Who is here was not removed");
  }
  for (const text of texts) {
    const count = c.commands(ids[0]!).filter((other) => other === text).length;
    assert.equal(count, 1, `${text} is there ${count} times`);
  }
}

/** Whoever leads on this side of the partition, as soon as it does, has this applied. */
export function goesOn(c: TestCluster, side: readonly string[], text: string): string {
  let leader: string | undefined;
  c.until(() => (leader = side.find((id) => c.leads(id))) !== undefined, 20_000);
  c.proposeAt(leader!, text);
  c.until(() => c.applied(text, ...side));
  return leader!;
}

/** n3 and the other two went on without each other; what follows is told apart by its effects. */
export function n3Parts(c: TestCluster): void {
  settle(c);
  c.partition(["n3"], ["n1", "n2"]);
  goesOn(c, ["n1", "n2"], "a");
  goesOn(c, ["n3"], "b");
  c.node("n3").effects = [];
}
