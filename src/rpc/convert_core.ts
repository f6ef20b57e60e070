/**
 * The vocabulary of the replication core between its wire form and its inner one: terms,
 * positions, entries, configs. Converting from the wire checks that everything is there and
 * exact; whether it makes sense is the core's to say.
 *
 * @module
 */

import { limits } from "../limits.ts";
import type {
  Base,
  Config,
  ConfigEntry,
  Entry,
  EntryBody,
  EntryId,
  LogPosition,
  Mark,
  Member,
  Policy,
  Side,
  Term,
  TermStart,
} from "../raft/types.ts";
import { v1 } from "./gen/messages.js";
import { integer, invalid, ownBytes, present, text } from "./wire.ts";

type Optional<T> = T | null | undefined;

/** A term, which must be there. */
export function termFromWire(wire: Optional<v1.Term>, field: string): Term {
  const { epoch, number, nodeId } = present(wire, field);
  return { epoch: integer(epoch, field), number: integer(number, field), nodeId };
}

/** A term, or its absence. */
export function optionalTermFromWire(wire: Optional<v1.Term>, field: string): Term | null {
  return wire ? termFromWire(wire, field) : null;
}

/** A position, which must be there. */
export function positionFromWire(wire: Optional<v1.LogPosition>, field: string): LogPosition {
  const { index, term, checksum } = present(wire, field);
  return { index: integer(index, field), term: termFromWire(term, `${field}.term`), checksum };
}

/** The fields of a position alone, whatever else the value carries. */
export function positionToWire(position: LogPosition): v1.LogPosition {
  return { index: position.index, term: position.term, checksum: position.checksum };
}

/** An entry's index and term. */
export function entryIdFromWire({ index, term }: v1.EntryId, field: string): EntryId {
  return { index: integer(index, field), term: termFromWire(term, `${field}.term`) };
}

/** Entries of one list: a term is told where it changes. */
export function entriesToWire(entries: readonly Entry[]): v1.Entry[] {
  const wire = new Array<v1.Entry>(entries.length);
  let last: Term | null = null;
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]!;
    const same = last !== null && sameTerm(last, entry.term);
    wire[i] = entryToWire(entry, same ? null : entry.term);
    last = entry.term;
  }
  return wire;
}

function sameTerm(a: Term, b: Term): boolean {
  return a === b || (a.number === b.number && a.epoch === b.epoch && a.nodeId === b.nodeId);
}

function entryToWire(entry: Entry, term: Term | null): v1.Entry {
  const { index, checksum } = entry;
  switch (entry.kind) {
    case "command":
      return { index, term, checksum, command: entry.data };
    case "config":
      return { index, term, checksum, config: configToWire(entry.config) };
    case "noop":
      return { index, term, checksum, noop: {} };
  }
}

/** Entries of one list; each must follow the one before it. Equal terms are one object. */
export function entriesFromWire(wire: readonly v1.Entry[], field: string): Entry[] {
  const entries = new Array<Entry>(wire.length);
  let term: Term | null = null;
  let expected = wire.length > 0 ? integer(wire[0]!.index, `${field}.index`) : 0;
  for (let i = 0; i < wire.length; i++) {
    const from = wire[i]!;
    if (from.index !== expected) throw invalid(`${field}.index`, "there is a gap");
    expected += 1;
    if (from.term) term = termFromWire(from.term, `${field}.term`);
    entries[i] = entryFromWire(from, present(term, `${field}.term`), field);
  }
  return entries;
}

function entryFromWire(wire: v1.Entry, term: Term, field: string): Entry {
  const { index, checksum } = wire;
  // Spelled out rather than spread: an append may hold a thousand of them.
  if (wire.command) return { index, term, checksum, kind: "command", data: ownBytes(wire.command) };
  const body = rareBodyFromWire(wire, field);
  return { index, term, checksum, ...body };
}

function rareBodyFromWire(wire: v1.Entry, field: string): EntryBody {
  if (wire.config) return { kind: "config", config: configFromWire(wire.config, field) };
  if (wire.noop) return { kind: "noop" };
  throw invalid(`${field}.body`, "it is missing or of an unknown kind");
}

/** A member, which must be there and named. */
export function memberFromWire(wire: Optional<v1.Member>, field: string): Member {
  const { id, peerAddress, clientAddress } = present(wire, field);
  return { id: text(id, `${field}.id`), peerAddress, clientAddress };
}

/** `Policy`. */
export function policyToWire(policy: Policy): v1.Policy {
  const quorum = policy.quorum === "all" ? v1.Quorum.QUORUM_ALL : v1.Quorum.QUORUM_MAJORITY;
  return { ...policy, quorum };
}

/** `all` or `majority`; nothing else. */
export function quorumFromWire(quorum: v1.Quorum, field: string): Policy["quorum"] {
  if (quorum === v1.Quorum.QUORUM_ALL) return "all";
  if (quorum === v1.Quorum.QUORUM_MAJORITY) return "majority";
  throw invalid(field, "it is missing or of an unknown kind");
}

/** The inverse of {@linkcode policyToWire}. */
export function policyFromWire(wire: Optional<v1.Policy>, field: string): Policy {
  const { quorum, lastResort, heartbeatMs, failureTimeoutMs, isolationGraceMs } = present(
    wire,
    field,
  );
  return {
    quorum: quorumFromWire(quorum, `${field}.quorum`),
    lastResort,
    heartbeatMs,
    failureTimeoutMs,
    isolationGraceMs,
  };
}

/** A side of a fork, or its absence. */
export function sideToWire(side: Side | null): v1.Side | null {
  return side && { partings: [...side] };
}

/** A side of a fork, or its absence. */
export function sideFromWire(wire: Optional<v1.Side>, field: string): Side | null {
  return wire ? partingsFromWire(wire.partings, `${field}.partings`) : null;
}

function partingsFromWire(wire: readonly v1.Parting[], field: string): Side {
  if (wire.length > limits.partingsMax) throw invalid(field, "there are too many");
  return wire.map(({ term, forced, size, smallest }) => ({
    term: termFromWire(term, `${field}.term`),
    forced,
    size,
    smallest: text(smallest, `${field}.smallest`),
  }));
}

function markToWire(mark: Mark | null): v1.Mark | null {
  return mark && { ...mark, base: positionToWire(mark.base), side: [...mark.side] };
}

function markFromWire(wire: Optional<v1.Mark>, field: string): Mark | null {
  if (!wire) return null;
  return {
    base: positionFromWire(wire.base, `${field}.base`),
    baseVoters: wire.baseVoters.map((each) => memberFromWire(each, `${field}.base_voters`)),
    open: wire.open,
    side: partingsFromWire(wire.side, `${field}.side`),
  };
}

function configToWire(config: Config): v1.Config {
  return { ...config, policy: policyToWire(config.policy), mark: markToWire(config.mark) };
}

function configFromWire(wire: Optional<v1.Config>, field: string): Config {
  const config = present(wire, field);
  return {
    policy: policyFromWire(config.policy, `${field}.policy`),
    voters: config.voters.map((each) => memberFromWire(each, `${field}.voters`)),
    learners: config.learners.map((each) => memberFromWire(each, `${field}.learners`)),
    tombstones: [...config.tombstones],
    mark: markFromWire(config.mark, `${field}.mark`),
    c0Index: integer(config.c0Index, `${field}.c0_index`),
    leavers: config.leavers.map(({ id, incarnation }) => ({
      id: text(id, `${field}.leavers.id`),
      incarnation: integer(incarnation, `${field}.leavers.incarnation`),
    })),
  };
}

/** A config with its place. */
export function configEntryToWire(entry: ConfigEntry): v1.ConfigEntry {
  return { index: entry.index, term: entry.term, config: configToWire(entry.config) };
}

/** A config with its place, which must be there. */
export function configEntryFromWire(wire: Optional<v1.ConfigEntry>, field: string): ConfigEntry {
  const { index, term, config } = present(wire, field);
  return {
    index: integer(index, field),
    term: termFromWire(term, `${field}.term`),
    config: configFromWire(config, `${field}.config`),
  };
}

/** Where a compacted log begins. */
export function baseToWire(base: Base): v1.Base {
  const config = base.config && configEntryToWire(base.config);
  return { position: positionToWire(base), config };
}

/** Where a compacted log begins; must be there. */
export function baseFromWire(wire: Optional<v1.Base>, field: string): Base {
  const base = present(wire, field);
  const config = base.config ? configEntryFromWire(base.config, `${field}.config`) : null;
  return { ...positionFromWire(base.position, `${field}.position`), config };
}

/** First index of each term, in the order given. */
export function termStartsFromWire(wire: readonly v1.TermStart[], field: string): TermStart[] {
  return wire.map(({ term, index }) => ({
    term: termFromWire(term, `${field}.term`),
    index: integer(index, `${field}.index`),
  }));
}
