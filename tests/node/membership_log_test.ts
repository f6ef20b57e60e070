/**
 * What a node's log says of the members of its cluster, and how often.
 *
 * @module
 */

import assert from "node:assert/strict";
import { DEFAULT_POLICY } from "../../src/node/config.ts";
import { createLogger } from "../../src/node/logger.ts";
import { NO_MEASURES } from "../../src/node/measures.ts";
import { MembershipLog } from "../../src/node/membership_log.ts";
import { ZERO_TERM } from "../../src/raft/term.ts";
import type { Config, ConfigEntry, Entry, Member } from "../../src/raft/types.ts";

const members = (ids: string): readonly Member[] =>
  [...ids].map((id) => ({ id, peerAddress: `${id}:2`, clientAddress: `${id}:1` }));

function config(voters: string, learners = "", more: Partial<Config> = {}): Config {
  return {
    policy: DEFAULT_POLICY,
    voters: members(voters),
    learners: members(learners),
    tombstones: [],
    mark: null,
    c0Index: 1,
    leavers: [],
    ...more,
  };
}

/** The log of a node that applies the configs, one entry after another. */
function logOf(self: string, known: readonly ConfigEntry[] = []) {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line));
  const log = new MembershipLog(self, createLogger({ level: "info", format: "json", write }));
  const index = known.at(-1)?.index ?? 0;
  const place = { index, term: ZERO_TERM, checksum: "" };
  log.begin({
    promised: ZERO_TERM,
    commitIndex: index,
    base: { ...place, index: 0, config: null },
    termStarts: [],
    configs: known,
    entries: [],
    applied: place,
  });
  const measures = log.before(NO_MEASURES);
  let next = 0;
  const apply = (...configs: readonly Config[]) => {
    const entries = configs.map((config): Entry => ({
      ...place,
      index: ++next,
      kind: "config",
      config,
    }));
    measures.applied(entries, new Map(), 1);
    return lines.splice(0).map(({ message }) => message);
  };
  return { apply, lines };
}

Deno.test("membership log: a line for each change of a member, none for what stays", () => {
  const { apply } = logOf("a");
  assert.deepEqual(apply(config("a")), ["Member a joined (voter)"]);
  assert.deepEqual(apply(config("a", "b")), ["Member b joined (learner)"]);
  assert.deepEqual(apply(config("ab"), config("ab")), ["Member b is a voter now"]);
  assert.deepEqual(apply(config("ab", "cd"), config("abcd")), [
    "Member c joined (learner)",
    "Member d joined (learner)",
    "Member c is a voter now",
    "Member d is a voter now",
  ]);
  assert.deepEqual(apply(config("acd")), ["Member b was dropped"]);
  const leavers = [{ id: "c", incarnation: 1 }];
  assert.deepEqual(apply(config("ad", "", { leavers })), ["Member c left, as it was stopped"]);
  assert.deepEqual(apply(config("a", "", { tombstones: ["d"] })), ["Member d was removed"]);
  assert.deepEqual(apply(config("a", "", { tombstones: ["d"] })), []);
});

Deno.test("membership log: the fields say the same to programs", () => {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const log = new MembershipLog("a", createLogger({ level: "info", format: "json", write }));
  const place = { index: 7, term: ZERO_TERM, checksum: "" };
  const measures = log.before(NO_MEASURES);
  measures.applied([{ ...place, kind: "config", config: config("ab") }], new Map(), 1);
  const { time: _, ...rest } = JSON.parse(lines[0] ?? "{}");
  const message = "Member a joined (voter)";
  const fields = { member: "a", change: "joined", voters: 2, index: 7 };
  assert.deepEqual(rest, { level: "info", message, ...fields });
});

Deno.test("membership log: neither what a start finds nor what was before a node's time is news", () => {
  const back = logOf("a", [{ index: 2, term: ZERO_TERM, config: config("abc") }]);
  assert.deepEqual(back.apply(config("ab"), config("abc"), config("ac")), ["Member b was dropped"]);
  const joiner = logOf("c");
  assert.deepEqual(joiner.apply(config("a"), config("ab"), config("a"), config("a", "c")), [
    "Member c joined (learner)",
  ]);
  assert.deepEqual(joiner.apply(config("ac")), ["Member c is a voter now"]);
});
