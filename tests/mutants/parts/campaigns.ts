/**
 * The campaigns that the lists of mutants name: clusters by policy, as `jmessage simulate` makes
 * them, and clients. Owns these choices.
 *
 * @module
 */

import type { Campaign, ClusterChoices } from "../mutant.ts";

const few = { nodesMin: 2, nodesMax: 4 } as const;

function clusters(choices: ClusterChoices): Campaign {
  return { of: "clusters", choices, seed: 1 };
}

/** `--quorum all` with the last resort: the default. */
export const lastResort = clusters({ ...few, quorum: "all", lastResort: true });

/** The same, parted so that both sides go on, and meet again. */
export const meetings = clusters({
  ...few,
  quorum: "all",
  lastResort: true,
  budget: "over",
  meets: true,
});

export const quorumOnly = clusters({ ...few, quorum: "all", lastResort: false });

export const majority = clusters({ ...few, quorum: "majority" });

/** Production's state database in every schedule, not in one of many. */
export const libsql = clusters({ ...few, state: "libsql" });

export const clients: Campaign = { of: "clients", seed: 1 };
