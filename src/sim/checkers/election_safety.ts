/**
 * `ElectionSafety`: one leader per term. A term names its candidate, so what can go wrong is
 * that a node leads in a term that is not its own, or in one term in two starts.
 *
 * @module
 */

import { termText } from "../../raft/term.ts";
import type { Checker } from "./checker.ts";

export const electionSafety: Checker = {
  name: "ElectionSafety",
  holdsAcrossForks: true,
  begin() {
    const starts = new Map<string, number>();
    const leaders = new Map<string, string>();
    return {
      onEvent(event, _disks, report) {
        if (event.kind === "started") {
          starts.set(event.node, (starts.get(event.node) ?? 0) + 1);
        }
        if (event.kind !== "role" || event.role !== "leader") return;
        const { node, term } = event;
        const key = termText(term);
        const leader = `${node}, start ${starts.get(node) ?? 0}`;
        const other = leaders.get(key);
        if (term.nodeId !== node) report(`${node} leads in term ${key}`);
        if (other !== undefined && other !== leader) {
          report(`${key}: led by ${other} and ${leader}`);
        }
        leaders.set(key, leader);
      },
    };
  },
};
