/**
 * The coverage of a campaign as a table for people. Owns how it looks.
 *
 * @module
 */

import type { Coverage } from "../sim/coverage.ts";
import { STATE_NAMES } from "../sim/protocol_states.ts";
import { table } from "./text.ts";

/** One line for each kind of fault, one column for each state, and what the figures are. */
export function coverageTable(coverage: Coverage): string {
  const kinds = Object.keys(coverage).sort();
  const rows = kinds.map((kind) => [
    kind,
    ...STATE_NAMES.map((state) => {
      const hits = coverage[kind]![state];
      return hits === undefined ? "-" : `${hits.cluster}/${hits.node}`;
    }),
  ]);
  return [
    "Faults by what they hit: the cluster in that state / the very node in it",
    table(["fault", ...STATE_NAMES], rows),
  ].join("\n");
}
