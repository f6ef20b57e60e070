/**
 * The messages of the replication core between their wire form and their inner one: one pair of
 * branches for each kind of `src/raft/message.ts`.
 *
 * @module
 */

import type {
  Append,
  AppendReply,
  Message,
  Pong,
  VoteReply,
  VoteRequest,
} from "../raft/message.ts";
import {
  configEntryFromWire,
  configEntryToWire,
  entriesFromWire,
  entriesToWire,
  entryIdFromWire,
  memberFromWire,
  optionalTermFromWire,
  positionFromWire,
  positionToWire,
  sideFromWire,
  sideToWire,
  termFromWire,
  termStartsFromWire,
} from "./convert_core.ts";
import type { v1 } from "./gen/messages.js";
import { integer, text } from "./wire.ts";

/** A message as the frame that carries it. */
export function messageToWire(message: Message): v1.Frame {
  switch (message.kind) {
    case "ping":
      return { ping: { ...message, side: sideToWire(message.side) } };
    case "pong":
      return { pong: pongToWire(message) };
    case "append":
      return { append: appendToWire(message) };
    case "appendReply":
      return { appendReply: appendReplyToWire(message) };
    case "snapshotNeeded":
      return { snapshotNeeded: { ...message, termStarts: [...message.termStarts] } };
    case "voteRequest":
      return { voteRequest: voteRequestToWire(message) };
    case "voteReply":
      return { voteReply: voteReplyToWire(message) };
    case "transferNow":
      return { transferNow: message };
    case "joinRequest":
      return { memberRequest: message };
    case "leaveRequest":
      return { leaveRequest: message };
    case "leaveReply":
      return { leaveReply: { config: configEntryToWire(message.config) } };
    case "askToLeave":
      return { askToLeave: message };
  }
}

/** The message in a frame; `null` if the frame carries none of a kind known here. */
export function messageFromWire(frame: v1.Frame): Message | null {
  if (frame.append) return appendFromWire(frame.append);
  if (frame.appendReply) return appendReplyFromWire(frame.appendReply);
  if (frame.ping) return pingFromWire(frame.ping);
  if (frame.pong) return pongFromWire(frame.pong);
  if (frame.voteRequest) return voteRequestFromWire(frame.voteRequest);
  if (frame.voteReply) return voteReplyFromWire(frame.voteReply);
  return rareMessageFromWire(frame);
}

function rareMessageFromWire(frame: v1.Frame): Message | null {
  if (frame.snapshotNeeded) {
    const { term, from, baseIndex, termStarts, mark } = frame.snapshotNeeded;
    return {
      kind: "snapshotNeeded",
      term: termFromWire(term, "snapshot_needed.term"),
      from: text(from, "snapshot_needed.from"),
      baseIndex: integer(baseIndex, "snapshot_needed.base_index"),
      termStarts: termStartsFromWire(termStarts, "snapshot_needed.term_starts"),
      mark: optionalTermFromWire(mark, "snapshot_needed.mark"),
    };
  }
  if (frame.transferNow) {
    const term = termFromWire(frame.transferNow.term, "transfer_now.term");
    return { kind: "transferNow", term };
  }
  if (frame.memberRequest) {
    const member = memberFromWire(frame.memberRequest.member, "member_request.member");
    return { kind: "joinRequest", member };
  }
  if (frame.leaveRequest) {
    return {
      kind: "leaveRequest",
      term: termFromWire(frame.leaveRequest.term, "leave_request.term"),
      configIndex: integer(frame.leaveRequest.configIndex, "leave_request.config_index"),
    };
  }
  if (frame.leaveReply) {
    const config = configEntryFromWire(frame.leaveReply.config, "leave_reply.config");
    return { kind: "leaveReply", config };
  }
  if (frame.askToLeave) {
    return { kind: "askToLeave", term: termFromWire(frame.askToLeave.term, "ask_to_leave.term") };
  }
  return null;
}

function pingFromWire(wire: v1.Ping): Message {
  return {
    kind: "ping",
    nonce: integer(wire.nonce, "ping.nonce"),
    asksLease: wire.asksLease,
    leads: wire.leads,
    term: termFromWire(wire.term, "ping.term"),
    suspects: [...wire.suspects],
    side: sideFromWire(wire.side, "ping.side"),
    cannotFollow: optionalTermFromWire(wire.cannotFollow, "ping.cannot_follow"),
  };
}

function pongToWire(pong: Pong): v1.Pong {
  return {
    nonce: pong.nonce,
    promised: pong.promised,
    configIndex: pong.config.index,
    configTerm: pong.config.term,
    voter: pong.voter,
    certain: pong.certain,
    granted: pong.granted,
    leader: pong.leader,
  };
}

function pongFromWire(wire: v1.Pong): Message {
  return {
    kind: "pong",
    nonce: integer(wire.nonce, "pong.nonce"),
    promised: termFromWire(wire.promised, "pong.promised"),
    config: {
      index: integer(wire.configIndex, "pong.config_index"),
      term: termFromWire(wire.configTerm, "pong.config_term"),
    },
    voter: wire.voter,
    certain: wire.certain,
    granted: wire.granted,
    leader: wire.leader ? memberFromWire(wire.leader, "pong.leader") : null,
  };
}

function appendToWire(append: Append): v1.Append {
  return {
    term: append.term,
    prev: positionToWire(append.prev),
    entries: entriesToWire(append.entries),
    commitIndex: append.commitIndex,
    c0Index: append.c0Index,
    mark: append.mark,
  };
}

function appendFromWire(wire: v1.Append): Message {
  return {
    kind: "append",
    term: termFromWire(wire.term, "append.term"),
    prev: positionFromWire(wire.prev, "append.prev"),
    entries: entriesFromWire(wire.entries, "append.entries"),
    commitIndex: integer(wire.commitIndex, "append.commit_index"),
    c0Index: integer(wire.c0Index, "append.c0_index"),
    mark: optionalTermFromWire(wire.mark, "append.mark"),
  };
}

function appendReplyToWire(reply: AppendReply): v1.AppendReply {
  return { ...reply, applied: reply.applied && positionToWire(reply.applied) };
}

function appendReplyFromWire(wire: v1.AppendReply): Message {
  return {
    kind: "appendReply",
    term: termFromWire(wire.term, "append_reply.term"),
    promised: termFromWire(wire.promised, "append_reply.promised"),
    ok: wire.ok,
    matchIndex: integer(wire.matchIndex, "append_reply.match_index"),
    commitIndex: integer(wire.commitIndex, "append_reply.commit_index"),
    applied: wire.applied ? positionFromWire(wire.applied, "append_reply.applied") : null,
    snapshotIndex: integer(wire.snapshotIndex, "append_reply.snapshot_index"),
  };
}

function voteRequestToWire(request: VoteRequest): v1.VoteRequest {
  return {
    ...request,
    last: positionToWire(request.last),
  };
}

function voteRequestFromWire(wire: v1.VoteRequest): Message {
  return {
    kind: "voteRequest",
    pre: wire.pre,
    term: termFromWire(wire.term, "vote_request.term"),
    last: positionFromWire(wire.last, "vote_request.last"),
    termStarts: termStartsFromWire(wire.termStarts, "vote_request.term_starts"),
    lastResort: wire.lastResort,
    everyPreVote: wire.everyPreVote,
    transferTerm: optionalTermFromWire(wire.transferTerm, "vote_request.transfer_term"),
  };
}

function voteReplyToWire(reply: VoteReply): v1.VoteReply {
  const tail = reply.tail && {
    prev: positionToWire(reply.tail.prev),
    entries: entriesToWire(reply.tail.entries),
  };
  return { ...reply, last: positionToWire(reply.last), tail };
}

function voteReplyFromWire(wire: v1.VoteReply): Message {
  const tail = wire.tail
    ? {
      prev: positionFromWire(wire.tail.prev, "vote_reply.tail.prev"),
      entries: entriesFromWire(wire.tail.entries, "vote_reply.tail.entries"),
    }
    : null;
  return {
    kind: "voteReply",
    pre: wire.pre,
    term: termFromWire(wire.term, "vote_reply.term"),
    promised: termFromWire(wire.promised, "vote_reply.promised"),
    granted: wire.granted,
    certain: wire.certain,
    last: positionFromWire(wire.last, "vote_reply.last"),
    committed: wire.committed ? entryIdFromWire(wire.committed, "vote_reply.committed") : null,
    tail,
    meeting: wire.meeting,
    mark: optionalTermFromWire(wire.mark, "vote_reply.mark"),
  };
}
