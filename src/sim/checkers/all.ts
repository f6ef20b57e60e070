/**
 * Every checker, those first that fire first. Which file judges which property of DESIGN §11 (a
 * test holds this list against it):
 *
 * | property             | judged by                                                               |
 * | -------------------- | ----------------------------------------------------------------------- |
 * | `Durability`         | `durability.ts` with `kept.ts`, at every member in the end              |
 * | `Convergence`        | `convergence.ts`                                                        |
 * | `ElectionSafety`     | `election_safety.ts`                                                    |
 * | `OneView`            | `one_view.ts`, at each acknowledgement                                  |
 * | `CommitBacked`       | `commit_backed.ts`, at each first apply and each acknowledgement        |
 * | `PersistOrder`       | `persist_order.ts`                                                      |
 * | `LogMatching`        | `log_matching.ts`                                                       |
 * | `LeaderCompleteness` | `leader_completeness.ts`                                                |
 * | `StateMachineSafety` | `state_machine_safety.ts`                                               |
 * | `NoTruncation`       | `no_truncation.ts`                                                      |
 * | `LeaseSafety`        | `lease_safety.ts`, of what a node is sure of at each step               |
 * | `LinearizableReads`  | `linearizable_reads.ts`, of reads that are made, and that might be      |
 * | `SessionReads`       | `session_reads.ts` (§8)                                                 |
 * | `Linearizability`    | `linearizability.ts`, of all that clients were told (§8)                |
 * | `Delivery`           | `delivery.ts`; that all came in the end is a matter of liveness         |
 * | `NoResurrection`     | `no_resurrection.ts`; within the run also `linearizability.ts`          |
 * | `Liveness`           | `liveness.ts`                                                           |
 * | `FailStop`           | `fail_stop.ts` and, within the budget of faults, all others             |
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
