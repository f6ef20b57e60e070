/**
 * The first entry of a new cluster: a config of its founder alone, committed from the start
 * because every voter of it has it (§6, last paragraph).
 *
 * @module
 */

import { bootstrapConfig } from "./config.ts";
import type { Chain } from "./io.ts";
import { ZERO_TERM } from "./term.ts";
import type { Member, PersistBatch, Policy, Term } from "./types.ts";

/** What a founder writes into its empty log before its first start. */
export function bootstrapBatch(founder: Member, policy: Policy, chain: Chain): PersistBatch {
  const term: Term = { epoch: 0, number: 1, nodeId: founder.id };
  const body = { kind: "config", config: bootstrapConfig(founder, policy) } as const;
  const entry = { index: 1, term, checksum: chain("", 1, term, body), ...body };
  return { number: 1, promised: ZERO_TERM, commitIndex: 1, entries: [entry] };
}
