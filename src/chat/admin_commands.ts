/**
 * What operators ask of the replicated state. Owns that the cluster has at most one admin token,
 * and that of two changes at once one is refused: whoever made it would hold a token that is none.
 *
 * @module
 */

import type { Batch } from "./batch.ts";
import type { OperatorCommand, Outcome } from "./command.ts";
import type { Stamp } from "./evaluate.ts";
import { refusals } from "./refusals.ts";

/** Puts a token in the place of the one that its author has seen. */
export function setAdminToken(
  { rows, changes }: Batch,
  { tokenHash, replaces }: Pick<OperatorCommand, "tokenHash" | "replaces">,
  stamp: Stamp,
): Outcome {
  if (rows.adminTokenHash !== replaces) return refusals.adminTokenChanged;
  rows.adminTokenHash = tokenHash;
  changes.adminToken = { tokenHash, setAtMs: stamp.timeMs };
  return { ok: true, kind: "setAdminToken" };
}
