/**
 * Configurations: who is in one, in which rank, and what a quorum of it is (§3, §4). Pure
 * functions over plain data; which config counts when is the business of `anchors.ts`.
 *
 * @module
 */

import { assert } from "../assert.ts";
import type { Config, Member, NodeId, Policy } from "./types.ts";

/** Members are ordered by peer address: host as a number where it is an IP, else name; then port. */
export function compareAddresses(left: string, right: string): number {
  const a = splitAddress(left);
  const b = splitAddress(right);
  if (a.number !== null && b.number !== null) {
    if (a.number !== b.number) return a.number < b.number ? -1 : 1;
  } else if (a.number !== null || b.number !== null) {
    return a.number !== null ? -1 : 1;
  } else if (a.host !== b.host) {
    return a.host < b.host ? -1 : 1;
  }
  return a.port - b.port;
}

function splitAddress(address: string): { host: string; number: bigint | null; port: number } {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).toLowerCase().replace(/^\[|\]$/g, "");
  return { host, number: hostNumber(host), port: Number(address.slice(colon + 1)) };
}

/** An IPv4 or IPv6 host as a number; IPv4 in its mapped IPv6 form, so that both compare. */
function hostNumber(host: string): bigint | null {
  const four = host.split(".");
  if (four.length === 4 && four.every((part) => /^\d{1,3}$/.test(part))) {
    return four.reduce((sum, part) => sum * 256n + BigInt(part), 0xffffn);
  }
  if (!host.includes(":") || !/^[0-9a-f:]+$/.test(host)) return null;
  const [head = "", tail] = host.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  if (left.length + right.length > 8) return null;
  const zeros = tail === undefined ? [] : Array(8 - left.length - right.length).fill("0");
  const groups = [...left, ...zeros, ...right];
  if (groups.length !== 8) return null;
  return groups.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
}

function byRank(left: Member, right: Member): number {
  return compareAddresses(left.peerAddress, right.peerAddress);
}

/** The first config of a new cluster: its founder alone. */
export function bootstrapConfig(founder: Member, policy: Policy): Config {
  return {
    policy,
    voters: [founder],
    learners: [],
    tombstones: [],
    mark: null,
    c0Index: 0,
    leavers: [],
  };
}

/**
 * `config` changed, with members in rank order and the one-address-one-member rule checked. A voter
 * has no tombstone: it was taken back before the config that removed it was ever in force.
 */
export function changeConfig(config: Config, change: Partial<Config>): Config {
  const next = { ...config, leavers: [], ...change };
  const voters = [...next.voters].sort(byRank);
  const learners = [...next.learners].sort(byRank);
  assert(voters.length > 0, "A config has at least one voter");
  const addresses = new Set([...voters, ...learners].map((member) => member.peerAddress));
  assert(
    addresses.size === voters.length + learners.length,
    "No config has two members with one peer address",
  );
  const tombstones = next.tombstones.filter((id) => !voters.some((voter) => voter.id === id));
  return { ...next, voters, learners, tombstones };
}

/** More than half of the voters, or exactly half with the smallest address (§4). */
export function hasQuorum(config: Config, has: (id: NodeId) => boolean): boolean {
  let count = 0;
  for (const voter of config.voters) if (has(voter.id)) count++;
  if (count * 2 > config.voters.length) return true;
  const smallest = config.voters[0];
  return count * 2 === config.voters.length && smallest !== undefined && has(smallest.id);
}

/** More than half of the voters. */
export function hasMajority(config: Config, has: (id: NodeId) => boolean): boolean {
  let count = 0;
  for (const voter of config.voters) if (has(voter.id)) count++;
  return count * 2 > config.voters.length;
}

export function isVoter(config: Config, id: NodeId): boolean {
  for (const voter of config.voters) if (voter.id === id) return true;
  return false;
}

export function findMember(config: Config, id: NodeId): Member | undefined {
  return config.voters.find((voter) => voter.id === id) ??
    config.learners.find((learner) => learner.id === id);
}

/** Voters, and beside them those of earlier configs whose place none of them has by now (§3). */
export function withTakenBack(
  voters: readonly Member[],
  back: readonly Member[],
): readonly Member[] {
  const all = [...voters];
  for (const one of back) if (!hasPlaceOf(all, one)) all.push(one);
  return all;
}

/** Those learners whose place no voter takes. */
export function learnersBeside(
  learners: readonly Member[],
  voters: readonly Member[],
): readonly Member[] {
  return learners.filter((learner) => !hasPlaceOf(voters, learner));
}

function hasPlaceOf(members: readonly Member[], { id, peerAddress }: Member): boolean {
  return members.some((other) => other.id === id || other.peerAddress === peerAddress);
}

/** True if certainty and the last resort are in use (§5, last paragraph). */
export function usesLastResort(policy: Policy): boolean {
  return policy.quorum === "all" && policy.lastResort;
}
