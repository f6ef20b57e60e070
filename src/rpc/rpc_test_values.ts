/**
 * Arbitrary values of everything that travels on a link, for the round-trip properties of this
 * folder's tests. Values are valid by type, not by protocol: any term with any index.
 *
 * @module
 */

import fc from "fast-check";
import type { Message } from "../raft/message.ts";
import type {
  Base,
  Config,
  ConfigEntry,
  Entry,
  EntryBody,
  LogPosition,
  Mark,
  Member,
  Policy,
  Side,
  Term,
  TermStart,
} from "../raft/types.ts";
import type { Frame, Hello } from "./peer_api.ts";

/** Records as programs make them, with the usual prototype. */
export function record<T>(model: { readonly [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model as { [K in keyof T]: fc.Arbitrary<T[K]> }, {
    noNullPrototype: true,
  }) as fc.Arbitrary<T>;
}

/** Integers as 64-bit fields carry them. */
export const integers: fc.Arbitrary<number> = fc.oneof(
  fc.nat(1000),
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  fc.constant(Number.MAX_SAFE_INTEGER),
);
/** Texts of any alphabet. */
export const texts: fc.Arbitrary<string> = fc.string({ unit: "grapheme", maxLength: 12 });
/** Texts that are not empty. */
export const names: fc.Arbitrary<string> = fc.string({
  unit: "grapheme",
  minLength: 1,
  maxLength: 12,
});
const uint32 = fc.nat(0xffff_ffff);
const list = <T>(each: fc.Arbitrary<T>) => fc.array(each, { maxLength: 4 });
const bytes: fc.Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 40 }).map((each) =>
  new Uint8Array(each)
);

/** Terms. */
export const terms: fc.Arbitrary<Term> = record({
  epoch: integers,
  number: integers,
  nodeId: texts,
});
const positions: fc.Arbitrary<LogPosition> = record({
  index: integers,
  term: terms,
  checksum: texts,
});
const termStarts: fc.Arbitrary<TermStart> = record({ term: terms, index: integers });
/** Members. */
export const members: fc.Arbitrary<Member> = record({
  id: names,
  peerAddress: texts,
  clientAddress: texts,
});
export const policies: fc.Arbitrary<Policy> = record({
  quorum: fc.constantFrom("all", "majority"),
  lastResort: fc.boolean(),
  heartbeatMs: uint32,
  failureTimeoutMs: uint32,
  isolationGraceMs: uint32,
});
const sides: fc.Arbitrary<Side> = list(
  record({ term: terms, forced: fc.boolean(), size: uint32, smallest: names }),
);
const marks: fc.Arbitrary<Mark> = record({
  base: positions,
  baseVoters: list(members),
  open: fc.boolean(),
  side: sides,
});
const configs: fc.Arbitrary<Config> = record({
  policy: policies,
  voters: list(members),
  learners: list(members),
  tombstones: list(texts),
  mark: fc.option(marks),
  c0Index: integers,
  leavers: list(record({ id: names, incarnation: integers })),
});
const configEntries: fc.Arbitrary<ConfigEntry> = record({
  index: integers,
  term: terms,
  config: configs,
});
/** Where a log begins. */
export const bases: fc.Arbitrary<Base> = fc
  .tuple(positions, fc.option(configEntries))
  .map(([position, config]) => ({ ...position, config }));
/** First indexes of terms. */
export const termStartLists: fc.Arbitrary<TermStart[]> = list(termStarts);

const bodies: fc.Arbitrary<EntryBody> = fc.oneof(
  record({ kind: fc.constant("command" as const), data: bytes }),
  record({ kind: fc.constant("config" as const), config: configs }),
  fc.constant({ kind: "noop" as const }),
);
/** Terms that differ in as little as one field. */
const nearTerms: fc.Arbitrary<Term> = record({
  epoch: fc.nat(1),
  number: fc.nat(1),
  nodeId: fc.constantFrom("n1", "n2"),
});
/** Entries without gaps; terms repeat often, as they do. */
const entryLists: fc.Arbitrary<Entry[]> = record({
  first: fc.nat(1_000_000),
  few: fc.array(nearTerms, { minLength: 1, maxLength: 2 }),
  each: list(fc.tuple(fc.nat(), texts, bodies)),
})
  .map(({ first, few, each }) =>
    each.map(([pick, checksum, body], i) => ({
      index: first + i,
      term: few[pick % few.length]!,
      checksum,
      ...body,
    }))
  );

const flag = fc.boolean();

/** One kind of message. */
function kind<K extends Message["kind"]>(value: K): fc.Arbitrary<K> {
  return fc.constant(value);
}

const heartbeats = {
  ping: record({
    kind: kind("ping"),
    nonce: integers,
    asksLease: flag,
    leads: flag,
    term: terms,
    suspects: list(texts),
    side: fc.option(sides),
    cannotFollow: fc.option(terms),
  }),
  pong: record({
    kind: kind("pong"),
    nonce: integers,
    promised: terms,
    config: record({ index: integers, term: terms }),
    voter: flag,
    certain: flag,
    granted: flag,
    leader: fc.option(members),
  }),
};
const replication = {
  append: record({
    kind: kind("append"),
    term: terms,
    prev: positions,
    entries: entryLists,
    commitIndex: integers,
    c0Index: integers,
    mark: fc.option(terms),
  }),
  appendReply: record({
    kind: kind("appendReply"),
    term: terms,
    promised: terms,
    ok: flag,
    matchIndex: integers,
    commitIndex: integers,
    applied: fc.option(positions),
    snapshotIndex: integers,
  }),
  snapshotNeeded: record({
    kind: kind("snapshotNeeded"),
    term: terms,
    from: names,
    baseIndex: integers,
    termStarts: termStartLists,
    mark: fc.option(terms),
  }),
};
const elections = {
  voteRequest: record({
    kind: kind("voteRequest"),
    pre: flag,
    term: terms,
    last: positions,
    termStarts: termStartLists,
    lastResort: flag,
    everyPreVote: flag,
    transferTerm: fc.option(terms),
  }),
  voteReply: record({
    kind: kind("voteReply"),
    pre: flag,
    term: terms,
    promised: terms,
    granted: flag,
    certain: flag,
    last: positions,
    committed: fc.option(record({ index: integers, term: terms })),
    tail: fc.option(record({ prev: positions, entries: entryLists })),
    meeting: flag,
    mark: fc.option(terms),
  }),
  transferNow: record({ kind: kind("transferNow"), term: terms }),
};
const membership = {
  joinRequest: record({ kind: kind("joinRequest"), member: members }),
  leaveRequest: record({ kind: kind("leaveRequest"), term: terms, configIndex: integers }),
  leaveReply: record({ kind: kind("leaveReply"), config: configEntries }),
  askToLeave: record({ kind: kind("askToLeave"), term: terms }),
};

/** An arbitrary message of each kind: the type demands that none is forgotten. */
export const messageKinds: {
  readonly [K in Message["kind"]]: fc.Arbitrary<Message & { readonly kind: K }>;
} = { ...heartbeats, ...replication, ...elections, ...membership };

/** Presence as a frame carries it. */
const presences: fc.Arbitrary<Frame> = record({
  kind: fc.constant("presence" as const),
  presence: fc.record({
    complete: flag,
    accounts: list(
      record({ accountId: names, online: flag, lastSeenMs: fc.nat(4_000_000_000_000) }),
    ),
    usedSessions: fc.array(names, { minLength: 1, maxLength: 4 }),
  }, { requiredKeys: ["complete", "accounts"], noNullPrototype: true }),
});

/** Frames of every kind. */
export const frames: fc.Arbitrary<Frame> = fc.oneof(
  presences,
  ...Object.values(messageKinds).map((each) =>
    (each as fc.Arbitrary<Message>).map((message) => ({ kind: "raft" as const, message }))
  ),
);

/** Hellos. */
export const hellos: fc.Arbitrary<Hello> = record({
  nodeId: names,
  clusterId: texts,
  incarnation: integers,
  previousIncarnation: integers,
  peerAddress: texts,
  clientAddress: texts,
  protocolVersion: uint32,
  toNodeId: fc.oneof(names, fc.constant("")),
});
