/**
 * What goes over a link at once, and what waits for company.
 *
 * @module
 */

import assert from "node:assert/strict";
import { limits } from "../limits.ts";
import type { Message } from "../raft/message.ts";
import type { Frame, Hello, LinkEvents, PeerClient } from "../rpc/peer_api.ts";
import { entryAt, ManualClock, OTHER, TERM } from "./driver_test_ports.ts";
import { PeerLink } from "./peer_link.ts";

const hello: Hello = {
  nodeId: OTHER.id,
  clusterId: "c",
  incarnation: 1,
  previousIncarnation: 0,
  peerAddress: OTHER.peerAddress,
  clientAddress: OTHER.clientAddress,
  protocolVersion: 1,
};

/** An open link, and the indexes or matches of what went over it, in writing order. */
function openLink() {
  const clock = new ManualClock();
  const sent: string[] = [];
  let events: LinkEvents | null = null;
  const client = {
    openLink: (_hello: Hello, told: LinkEvents) => {
      events = told;
      return { send: (frame: Frame) => sent.push(labelOf(frame)) > 0, close: () => {} };
    },
    close: () => {},
  } as unknown as PeerClient;
  const nothing = () => {};
  const link = new PeerLink({
    member: OTHER,
    hello: () => hello,
    client,
    clock,
    check: () => null,
    opened: () => [],
    refused: nothing,
    rejected: nothing,
    mistaken: nothing,
  });
  const opened = events as LinkEvents | null;
  opened?.opened(hello);
  const send = (message: Message) => link.send({ kind: "raft", message });
  return { clock, link, sent, send, end: () => opened?.ended({ kind: "refused" }) };
}

function labelOf(frame: Frame): string {
  if (frame.kind !== "raft") return frame.kind;
  const { message } = frame;
  if (message.kind === "append") return `append of ${message.entries.length}`;
  return message.kind === "appendReply" ? `match ${message.matchIndex}` : message.kind;
}

function append(entries: number): Message {
  const prev = { index: 0, term: TERM, checksum: "" };
  const list = Array.from({ length: entries }, (_, index) => entryAt(index + 1));
  return {
    kind: "append",
    term: TERM,
    prev,
    entries: list,
    commitIndex: 0,
    c0Index: 0,
    asksLease: true,
  };
}

function reply(matchIndex: number, ok = true): Message {
  return {
    kind: "appendReply",
    term: TERM,
    promised: TERM,
    ok,
    matchIndex,
    applied: null,
    snapshotIndex: 0,
  };
}

Deno.test("peer link: a commit index alone goes with the next append, before it", () => {
  const { sent, send } = openLink();
  send(append(0));
  assert.deepEqual(sent, []);
  send(append(1));
  assert.deepEqual(sent, ["append of 0", "append of 1"]);
});

Deno.test("peer link: what waits for company goes alone after some ms", async () => {
  const { clock, sent, send } = openLink();
  send(append(0));
  await clock.advance(limits.patientFrameMs - 1);
  assert.deepEqual(sent, []);
  await clock.advance(1);
  assert.deepEqual(sent, ["append of 0"]);
});

Deno.test("peer link: an answer waits only if it tells no new match", () => {
  const { sent, send } = openLink();
  send(reply(1));
  send(reply(1));
  assert.deepEqual(sent, ["match 1"]);
  send(reply(2));
  assert.deepEqual(sent, ["match 1", "match 1", "match 2"]);
  send(reply(2, false));
  assert.equal(sent.length, 4);
});

Deno.test("peer link: what waited when the link ended is dropped", async () => {
  const { clock, sent, send, end } = openLink();
  send(append(0));
  end();
  await clock.advance(limits.patientFrameMs);
  assert.deepEqual(sent, []);
});
