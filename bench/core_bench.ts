/**
 * What the replication core costs: a proposal through three cores, from the leader's append to
 * its commit, without a disk or a network.
 *
 * @module
 */

import { TestCluster } from "../tests/core/cluster.ts";

const cluster = TestCluster.of(3);
const data = new TextEncoder().encode("x".repeat(200));
/** Proposals of the harness itself are numbered from 1. */
let id = 1_000_000;

for (const count of [1, 64]) {
  Deno.bench(`core: ${count} commands are committed by three cores`, () => {
    const leader = cluster.leader();
    if (leader === undefined) throw new Error("The cluster has no leader");
    const commands = Array.from({ length: count }, () => data);
    cluster.feed(leader, { kind: "propose", id: id++, commands });
    // A virtual ms per hop: there, back, and the commit index there.
    cluster.run(6);
  });
}
