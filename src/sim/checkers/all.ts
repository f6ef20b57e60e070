/**
 * Every checker of §11 and one of §8, those first that fire first.
 *
 * @module
 */

import type { Checker } from "./checker.ts";
import { commitBacked } from "./commit_backed.ts";
import { convergence } from "./convergence.ts";
import { delivery } from "./delivery.ts";
import { durability } from "./durability.ts";
import { electionSafety } from "./election_safety.ts";
import { failStop } from "./fail_stop.ts";
import { leaderCompleteness } from "./leader_completeness.ts";
import { leaseSafety } from "./lease_safety.ts";
import { linearizability } from "./linearizability.ts";
import { linearizableReads } from "./linearizable_reads.ts";
import { liveness } from "./liveness.ts";
import { logMatching } from "./log_matching.ts";
import { noResurrection } from "./no_resurrection.ts";
import { noTruncation } from "./no_truncation.ts";
import { oneView } from "./one_view.ts";
import { persistOrder } from "./persist_order.ts";
import { sessionReads } from "./session_reads.ts";
import { stateMachineSafety } from "./state_machine_safety.ts";

export const CHECKERS: readonly Checker[] = [
  failStop,
  persistOrder,
  commitBacked,
  electionSafety,
  leaseSafety,
  leaderCompleteness,
  oneView,
  logMatching,
  noTruncation,
  stateMachineSafety,
  durability,
  convergence,
  linearizableReads,
  sessionReads,
  linearizability,
  delivery,
  noResurrection,
  liveness,
];
