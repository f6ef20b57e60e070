/**
 * Entries and messages made by hand, for scenarios that need one to come late, twice or from an
 * earlier life of a node.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Effect } from "../../src/raft/io.ts";
import type { Message, VoteRequest } from "../../src/raft/message.ts";
import type { Entry, EntryBody, LogPosition, NodeId, Term } from "../../src/raft/types.ts";
import { testChain, type TestCluster } from "./cluster.ts";

/** An entry as a leader of `term` would have appended it after `prev`. */
export function entryAfter(prev: LogPosition, term: Term, body: EntryBody): Entry {
  const index = prev.index + 1;
  return { index, term, checksum: testChain(prev.checksum, index, term, body), ...body };
}

/** The newest entry on a node's disk. */
export function lastOf(c: TestCluster, id: NodeId): Entry {
  const last = c.node(id).stored.entries.at(-1);
  assert.ok(last !== undefined);
  return last;
}

/** A command of this text. */
export function command(text: string): EntryBody {
  return { kind: "command", data: new TextEncoder().encode(text) };
}

/** A message that was on its way for a while, or that the other side's own log explains. */
export function receives(c: TestCluster, to: NodeId, from: NodeId, message: Message): void {
  const { incarnation } = c.node(from);
  c.feed(to, { kind: "message", from, incarnation, message });
}

/** The newest message of this kind among effects. */
export function sent<K extends Message["kind"]>(
  effects: readonly Effect[],
  kind: K,
): (Message & { kind: K }) | undefined {
  const effect = effects.findLast((one) => one.kind === "send" && one.message.kind === kind);
  return effect?.kind === "send" ? effect.message as Message & { kind: K } : undefined;
}

/** Runs until the node sends a message of this kind, and gives that. */
export function sends<K extends Message["kind"]>(
  c: TestCluster,
  id: NodeId,
  kind: K,
): Message & { kind: K } {
  const node = c.node(id);
  node.effects = [];
  let found: (Message & { kind: K }) | undefined;
  c.until(() => (found = sent(node.effects, kind)) !== undefined);
  assert.ok(found !== undefined);
  return found;
}

/** The answer of a voter that refuses for freshness and hands on what the candidate lacks. */
export function tailReply(
  request: VoteRequest,
  voter: LogPosition,
  tail: { readonly prev: LogPosition; readonly entries: readonly Entry[] },
): Message {
  return {
    kind: "voteReply",
    pre: request.pre,
    term: request.term,
    promised: voter.term,
    granted: false,
    certain: false,
    last: voter,
    committed: null,
    tail,
    meeting: false,
    mark: null,
  };
}
