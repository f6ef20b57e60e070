/**
 * Scenarios about what a fresher voter hands over to a candidate (§7): what of it counts, and who
 * has to know what it cut.
 *
 * @module
 */

import assert from "node:assert/strict";
import { compareTerms } from "../../src/raft/term.ts";
import type { Term } from "../../src/raft/types.ts";
import { command, entryAfter, lastOf, receives, sends, sent, tailReply } from "./messages.ts";
import { scenario, settle } from "./scenario.ts";

scenario("a tail that was on its way for long is older than the log by now", {
  quorum: "majority",
}, [
  ["n3 was elected and made n2 acknowledge what may be committed; n1 and n3 die", (c) => {
    settle(c);
    const prev = lastOf(c, "n2");
    const number = prev.term.number + 1;
    const first = entryAfter(prev, { epoch: 0, number, nodeId: "n3" }, command("kept"));
    const term: Term = { epoch: 0, number: number + 1, nodeId: "n3" };
    const entries = [first, entryAfter(first, term, { kind: "noop" })];
    c.kill("n1");
    receives(c, "n2", "n3", {
      kind: "append",
      term,
      prev,
      entries,
      commitIndex: prev.index,
      c0Index: 0,
      mark: null,
    });
    c.kill("n3");
    c.run(5);
    assert.equal(lastOf(c, "n2").index, prev.index + 2);
  }],
  [
    "a tail comes that n1 sent to n2's last campaign, with the same number: it is not taken",
    (c) => {
      const request = sends(c, "n2", "voteRequest");
      const entries = c.node("n2").stored.entries;
      const prev = entries.at(-3);
      assert.ok(prev !== undefined);
      const term: Term = { epoch: 0, number: prev.term.number + 1, nodeId: "n1" };
      const stale = entryAfter(prev, term, command("stale"));
      receives(c, "n2", "n1", tailReply(request, stale, { prev, entries: [stale] }));
      c.run(5);
      assert.equal(lastOf(c, "n2").index, prev.index + 2);
    },
  ],
]);

scenario("what a leader counts on and a tail cuts, it learns to be gone", {}, [
  ["n1 makes n2 confirm an entry of an earlier term in a later one, and falls silent", (c) => {
    settle(c);
    const prev = lastOf(c, "n2");
    const number = prev.term.number + 1;
    const entry = entryAfter(prev, { epoch: 1, number, nodeId: "n1" }, { kind: "noop" });
    c.kill("n1");
    receives(c, "n2", "n1", {
      kind: "append",
      term: { epoch: 1, number: number + 2, nodeId: "n1" },
      prev,
      entries: [entry],
      commitIndex: prev.index,
      c0Index: 0,
      mark: null,
    });
    c.run(5);
    assert.equal(lastOf(c, "n2").checksum, entry.checksum);
  }],
  ["n2 campaigns, and n3 hands on another one, of a term between", (c) => {
    const request = sends(c, "n2", "voteRequest");
    const prev = c.node("n2").stored.entries.at(-2);
    assert.ok(prev !== undefined);
    const term: Term = { epoch: 1, number: prev.term.number + 2, nodeId: "n3" };
    const other = entryAfter(prev, term, { kind: "noop" });
    receives(c, "n2", "n3", tailReply(request, other, { prev, entries: [other] }));
    c.run(5);
    assert.equal(lastOf(c, "n2").checksum, other.checksum);
  }],
  ["n1 goes on from what was confirmed: n2 tells of a higher promise", (c) => {
    const confirmed = c.node("n2").stored.entries.at(-2)!;
    const term = { epoch: 1, number: confirmed.term.number + 3, nodeId: "n1" };
    c.node("n2").effects = [];
    receives(c, "n2", "n1", {
      kind: "append",
      term,
      prev: { ...confirmed, index: confirmed.index + 1, checksum: "what was confirmed" },
      entries: [],
      commitIndex: confirmed.index,
      c0Index: 0,
      mark: null,
    });
    c.run(5);
    const reply = sent(c.node("n2").effects, "appendReply");
    assert.ok(reply !== undefined && compareTerms(reply.promised, term) > 0);
  }],
]);
