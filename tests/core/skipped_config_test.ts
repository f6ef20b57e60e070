/**
 * Scenarios about a config that comes together with a later one of its leader that skips it (§4).
 *
 * @module
 */

import assert from "node:assert/strict";
import type { EntryBody } from "../../src/raft/types.ts";
import { entryAfter, lastOf, receives, sent } from "./messages.ts";
import { scenario, settle } from "./scenario.ts";

for (const more of ["n4", "n3 and n4"] as const) {
  const skipper = more === "n4" ? "one that has n3 no more" : "one that has n4 again";
  scenario(`a config without n4 comes together with ${skipper}, which skips it`, { nodes: 4 }, [
    ["n1, which grants n4, hands both to n2 and dies", (c) => {
      settle(c);
      const prev = lastOf(c, "n2");
      const newest = c.node("n2").stored.configs.at(-1);
      assert.ok(newest !== undefined);
      const { config, index: c0Index } = newest;
      const without = (...ids: string[]): EntryBody => {
        const voters = config.voters.filter(({ id }) => !ids.includes(id));
        return { kind: "config", config: { ...config, voters, c0Index } };
      };
      const skipped = entryAfter(prev, prev.term, without("n4"));
      const entries = [
        skipped,
        entryAfter(skipped, prev.term, more === "n4" ? without("n3") : without()),
      ];
      c.kill("n1");
      const { term, index: commitIndex } = prev;
      receives(c, "n2", "n1", {
        kind: "append",
        term,
        prev,
        entries,
        commitIndex,
        c0Index,
        mark: null,
      });
    }],
    [
      more === "n4"
        ? "n2 takes neither, as it grants n3, which is no voter now; n4 is one all the time"
        : "n2 takes both at once, and both are voters all the time",
      (c) => {
        const taken = more === "n4" ? 0 : 2;
        const { lastIndex, commitIndex } = c.node("n2").core!.status();
        assert.equal(lastIndex - commitIndex, taken);
        for (const id of ["n3", "n4"] as const) {
          const { term } = lastOf(c, "n2");
          const ping = {
            nonce: 1,
            asksLease: true,
            leads: false,
            term,
            suspects: [],
            side: null,
            cannotFollow: null,
          } as const;
          const effects = c.feed("n2", {
            kind: "message",
            from: id,
            incarnation: c.node(id).incarnation,
            message: { kind: "ping", ...ping },
          });
          assert.equal(sent(effects, "pong")?.voter, taken > 0 || id === "n4");
        }
      },
    ],
    ["n3's machine fails, n2 answers n4 once more and dies: n4 goes on alone", (c) => {
      c.partition(["n3"], ["n1", "n2", "n4"]);
      c.run(150);
      c.kill("n2");
      c.until(() => c.leads("n4"), 8_000);
    }],
  ]);
}
