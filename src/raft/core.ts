/**
 * The replication core: one input in, its effects out. Owns the dispatch and what follows every
 * input (commit, send, apply, tell); the protocol itself is in the modules beside it, and why
 * it is so in `DESIGN.md`.
 *
 * @module
 */

import { unreachable } from "../assert.ts";
import type { Core } from "./core_api.ts";
import { applyCommitted, commitAsLeader, onPersisted } from "./commit.ts";
import { committedConfig, openConfigs } from "./anchors.ts";
import {
  onOwnVotePersisted,
  onTransferNow,
  onVoteReply,
  stepDown,
  tickElection,
} from "./election.ts";
import { onAppend, onSnapshotBuilt, onSnapshotNeeded, retryHeld } from "./follow.ts";
import type { CoreOptions, CoreStatus, Effect, Input } from "./io.ts";
import {
  answerTransfer,
  askToJoin,
  beginTransfer,
  continueLeave,
  continueTransfer,
  forgetWish,
  onAskToLeave,
  onLeaveReply,
} from "./leaving.ts";
import {
  callsEverybody,
  leaderInSight,
  noteMessage,
  noteRefused,
  onPing,
  onPong,
  sendPings,
} from "./lease.ts";
import { onLeaveRequest } from "./leave_answers.ts";
import { changeMembers, dropSuspects, isServing, notLeader, takeIn } from "./membership.ts";
import { findMember, isVoter } from "./config.ts";
import type { Message } from "./message.ts";
import type { Peer } from "./peer.ts";
import { canReadAt } from "./reads.ts";
import { onAppendReply, onLogReadForAppend, replicate } from "./replication.ts";
import { lastCommonIndex } from "./log.ts";
import { compact } from "./compaction.ts";
import { onSnapshotFetching, tickFetch } from "./fetching.ts";
import { isOvertaken, onHandedOver, tickMeeting } from "./meeting.ts";
import { RULES, type Rules } from "./rules.ts";
import { missing } from "./side.ts";
import { CoreState } from "./state.ts";
import { isReady, roleOf, statusOf } from "./status.ts";
import { sameTerm } from "./term.ts";
import { onLogReadForTail, onVoteRequest } from "./vote.ts";
import type {
  Clocks,
  Config,
  ConfigEntry,
  Entry,
  Index,
  LogPosition,
  Member,
  NodeId,
  Term,
  TermStart,
} from "./types.ts";

/** Makes a core from what is on its disk. `rules` are the protocol's; tests may break one. */
export function createCore(options: CoreOptions, rules: Rules = RULES): Core {
  return new RaftCore(new CoreState(options, rules));
}

/** Everything that decides whom a node keeps links to; whom it ever knew changes with its configs. */
interface PeersFrom {
  readonly configs: readonly ConfigEntry[];
  readonly c0Index: Index;
  readonly everybody: boolean;
  readonly hinted: Member | undefined;
}

class RaftCore implements Core {
  readonly #state: CoreState;
  #toldRole: { role: string; term: Term; leader: NodeId | null; ready: boolean } | null = null;
  #toldPeers: readonly Member[] = [];
  /** What the peers were told from: while it stays so, they need not be made again. */
  #peersFrom: PeersFrom | null = null;

  constructor(state: CoreState) {
    this.#state = state;
  }

  step(input: Input, clocks: Clocks): readonly Effect[] {
    const state = this.#state;
    state.effects = [];
    const starts = state.startedAt === null;
    state.advance(clocks);
    if (starts) this.#grantAtStart();
    this.#take(input);
    commitAsLeader(state);
    replicate(state);
    applyCommitted(state);
    answerTransfer(state);
    this.#tellRole();
    this.#tellPeers();
    return state.effects;
  }

  /** A start counts as a grant to everyone (§5): from then on, not from when one is first named. */
  #grantAtStart(): void {
    const state = this.#state;
    for (const { config } of openConfigs(state)) {
      for (const { id } of config.voters) if (id !== state.self.id) state.peer(id);
    }
  }

  canRead(clocks: Clocks): boolean {
    return canReadAt(this.#state, clocks.fast);
  }

  canPropose(): boolean {
    const state = this.#state;
    return isServing(state) && state.leadership?.transfer === null && !state.wantsLeave;
  }

  commitIndex(): Index {
    return this.#state.commitIndex;
  }

  status(): CoreStatus {
    return statusOf(this.#state);
  }

  commonIndex(theirs: { readonly starts: readonly TermStart[]; readonly last: Index }): Index {
    const { termStarts, lastIndex } = this.#state.log;
    return lastCommonIndex({ starts: termStarts, last: lastIndex }, theirs);
  }

  termAt(index: Index): Term | null {
    return this.#state.log.termAt(index);
  }

  #take(input: Input): void {
    const state = this.#state;
    switch (input.kind) {
      case "tick":
        state.random = input.random;
        return this.#tick();
      case "message":
        return this.#message(input.from, input.incarnation, input.message);
      case "propose":
        return this.#propose(input.id, input.commands);
      case "persisted":
        onPersisted(state, input.number);
        return onOwnVotePersisted(state);
      case "applied":
        return this.#applied(input.position);
      case "checkpointed":
        state.checkpointIndex = Math.max(state.checkpointIndex, input.index);
        return compact(state);
      case "peerRefused":
        noteRefused(state, state.peer(input.peer));
        dropSuspects(state);
        return tickElection(state);
      case "logRead":
        return this.#logRead(input.request, input.entries);
      case "snapshotBuilt":
        return onSnapshotBuilt(state, input.base, input.termStarts);
      case "snapshotFetching":
        return onSnapshotFetching(state, input.index);
      case "handedOver":
        return onHandedOver(state, input);
      case "join":
        state.effects.push({
          kind: "joinAnswer",
          id: input.id,
          refusal: takeIn(state, input.member),
        });
        return;
      case "leave":
        state.wantsLeave = true;
        return continueLeave(state);
      case "transfer":
        return this.#transfer(input.id, input.to);
      case "remove":
        return this.#remove(input.id, input.peer);
      default:
        return unreachable(input);
    }
  }

  #tick(): void {
    const state = this.#state;
    retryHeld(state);
    forgetWish(state);
    tickFetch(state);
    tickMeeting(state);
    if (isOvertaken(state)) stepDown(state);
    dropSuspects(state);
    tickElection(state);
    changeMembers(state);
    continueTransfer(state);
    continueLeave(state);
    askToJoin(state);
    if (state.mono - state.lastPingAt >= state.heartbeat) sendPings(state);
  }

  #message(from: NodeId, incarnation: number, message: Message): void {
    const state = this.#state;
    const peer = state.peer(from);
    if (incarnation < peer.incarnation || from === state.self.id) return;
    if (incarnation > peer.incarnation) peer.side = null;
    peer.incarnation = incarnation;
    noteMessage(state, peer);
    this.#dispatch(peer, message);
  }

  #dispatch(peer: Peer, message: Message): void {
    const state = this.#state;
    switch (message.kind) {
      case "ping":
        return onPing(state, peer, message);
      case "pong":
        return onPong(state, peer, message);
      case "append":
        return onAppend(state, peer, message);
      case "appendReply":
        if (onAppendReply(state, peer, message)) stepDown(state);
        return continueTransfer(state);
      case "snapshotNeeded":
        return onSnapshotNeeded(state, peer, message);
      case "voteRequest":
        return onVoteRequest(state, peer, message);
      case "voteReply":
        return onVoteReply(state, peer, message);
      case "transferNow":
        return onTransferNow(state, peer, message.term);
      case "joinRequest":
        takeIn(state, message.member);
        return;
      case "leaveRequest":
        return onLeaveRequest(state, peer, message);
      case "leaveReply":
        return onLeaveReply(state, message);
      case "askToLeave":
        return onAskToLeave(state, peer.id, message.term);
      default:
        return unreachable(message);
    }
  }

  #propose(id: number, commands: readonly Uint8Array[]): void {
    const state = this.#state;
    const leadership = state.leadership;
    if (leadership === null || !this.canPropose()) {
      const refusal = leadership === null ? notLeader(state) : { reason: "NO_LEADER" as const };
      state.effects.push({ kind: "notProposed", id, refusal });
      return;
    }
    const entries = commands.map((data) =>
      state.appendOwn(leadership.term, { kind: "command", data })
    );
    const firstIndex = entries[0]?.index ?? state.log.lastIndex;
    state.effects.push({ kind: "proposed", id, firstIndex, term: leadership.term });
    if (entries.length > 0) state.persist({ entries });
  }

  #applied(position: LogPosition): void {
    const state = this.#state;
    // What was applied before the switch to another side's state says nothing of this one.
    if (position.index <= state.applied.index || !state.log.has(position)) return;
    state.applied = position;
    const last = state.cutPoints.at(-1)?.index ?? state.log.base.index;
    if (position.index >= last + state.bounds.cutPointEntries) state.cutPoints.push(position);
    state.log.trimMemory(Math.min(position.index, state.persistedIndex));
  }

  #logRead(request: number, entries: readonly Entry[]): void {
    const state = this.#state;
    const read = state.reads.get(request);
    state.reads.delete(request);
    if (read === undefined) return;
    const peer = state.peer(read.peer);
    if (read.request === null) onLogReadForAppend(state, peer, request, entries);
    else onLogReadForTail(state, { ...read, request: read.request }, entries);
  }

  #transfer(id: number, to: NodeId | null): void {
    const state = this.#state;
    const refusal = beginTransfer(state, to);
    if (refusal !== null || state.leadership?.transfer == null) {
      state.effects.push({ kind: "adminAnswer", id, refusal });
    } else {
      state.transferRequest = id;
    }
  }

  #remove(id: number, peer: NodeId): void {
    const state = this.#state;
    const config = state.newest?.config;
    const answer = (message: string, to = id) =>
      state.effects.push({
        kind: "adminAnswer",
        id: to,
        refusal: { reason: "INVALID_ARGUMENT", message },
      });
    if (state.leadership === null || config === undefined) {
      state.effects.push({ kind: "adminAnswer", id, refusal: notLeader(state) });
    } else if (!isKnown(config, peer)) {
      answer(`${peer} is not a member of this cluster`);
    } else if (peer === state.self.id) {
      answer(`${peer} leads: transfer leadership first, then remove it`);
    } else if (isVoter(config, peer) && config.voters.length === 1) {
      answer(`${peer} is the last voter`);
    } else {
      const asked = state.leadership.removing.get(peer);
      if (asked !== undefined) answer(`the removal of ${peer} was asked for again`, asked.request);
      state.leadership.removing.set(peer, { request: id, since: asked?.since ?? state.mono });
    }
  }

  #tellRole(): void {
    const state = this.#state;
    const role = roleOf(state);
    const term = state.leadership?.term ??
      (state.leader === null ? state.promised : state.leaderTerm);
    const ready = isReady(state);
    const leader = leaderInSight(state);
    const told = this.#toldRole;
    state.role = role;
    const same = told !== null && told.role === role && told.leader === leader &&
      told.ready === ready && sameTerm(told.term, term);
    if (same) return;
    this.#toldRole = { role, term, leader, ready };
    state.effects.push({ kind: "role", role, term, leader, ready });
  }

  #tellPeers(): void {
    const state = this.#state;
    if (state.newest === null) return;
    const configs = state.log.configs;
    const c0Index = committedConfig(state)?.index ?? 0;
    const everybody = callsEverybody(state);
    const hinted = state.hint?.leader;
    const last = this.#peersFrom;
    const unchanged = last !== null && last.configs === configs && last.c0Index === c0Index &&
      last.everybody === everybody && last.hinted === hinted;
    if (unchanged) return;
    const from = this.#peersFrom = { configs, c0Index, everybody, hinted };
    const list = peersFrom(state, from);
    const same = list.length === this.#toldPeers.length &&
      list.every((member, at) => member === this.#toldPeers[at]);
    if (same) return;
    this.#toldPeers = list;
    state.effects.push({ kind: "peers", members: list });
  }
}

/** A member, or one that this side misses since it went on without it (§9). */
function isKnown(config: Config, id: NodeId): boolean {
  return findMember(config, id) !== undefined || missing(config).some((one) => one.id === id);
}

function peersFrom(state: CoreState, { everybody, hinted }: PeersFrom): readonly Member[] {
  const members = new Map<NodeId, Member>();
  for (const entry of openConfigs(state)) {
    for (const member of [...entry.config.voters, ...entry.config.learners]) {
      if (member.id !== state.self.id) members.set(member.id, member);
    }
  }
  if (everybody) {
    for (const [id, member] of state.known) if (!members.has(id)) members.set(id, member);
  }
  if (hinted !== undefined && !members.has(hinted.id)) members.set(hinted.id, hinted);
  return [...members.values()];
}
