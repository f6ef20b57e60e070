/**
 * Shows that every request and answer survives the wire, that what is missing is refused by
 * name, and that the tables and the schema agree. No sockets.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { ChatError } from "../errors.ts";
import type { AdminApi, ChatApi, Message, SubscribeFrame } from "./api.ts";
import { v1 } from "./gen/messages.js";
import type { JoinAnswer, SnapshotPart } from "./peer_api.ts";
import {
  bases,
  integers,
  members,
  names,
  policies,
  record,
  terms,
  termStartLists,
  texts,
} from "./rpc_test_values.ts";
import {
  adminMethods,
  backupMethod,
  chatMethods,
  clusterMethods,
  type Method,
  type RequestOf,
  type ResponseOf,
  subscribeMethod,
  type Unary,
} from "./services.ts";
import type { Form } from "./wire.ts";

const flag = fc.boolean();
const list = <T>(each: fc.Arbitrary<T>) => fc.array(each, { maxLength: 4 });
const times = fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 });
const counts = fc.integer({ min: 1, max: 0xffff_ffff });
const none = fc.constant({});

/** A record of which any of the fields may be absent. */
function optional<T>(model: { readonly [K in keyof T]-?: fc.Arbitrary<T[K]> }) {
  return fc.record(model, { requiredKeys: [], noNullPrototype: true }) as fc.Arbitrary<T>;
}

/** A union of arbitraries of other types. */
function either<T>(...each: readonly fc.Arbitrary<T>[]): fc.Arbitrary<T> {
  return fc.oneof(...each);
}

const pages = optional<{ pageSize?: number; pageToken?: string }>({
  pageSize: counts,
  pageToken: names,
});

const messages: fc.Arbitrary<Message> = record({
  id: names,
  seq: integers,
  position: names,
  from: texts,
  to: texts,
  body: texts,
  sentAtMs: times,
  acknowledged: flag,
});

type Requests<Api> = { readonly [K in Unary<Api>]: fc.Arbitrary<RequestOf<Api, K>> };
type Responses<Api> = { readonly [K in Unary<Api>]: fc.Arbitrary<ResponseOf<Api, K>> };

const chatRequests: Requests<ChatApi> = {
  createAccount: record({ requestId: names, name: names, password: names }),
  login: record({ requestId: names, name: names, password: names }),
  logout: either<RequestOf<ChatApi, "logout">>(
    record({ requestId: names, all: flag }),
    record({ requestId: names, all: flag, sessionId: texts }),
  ),
  listSessions: pages,
  deleteAccount: record({ requestId: names }),
  listUsers: pages,
  sendMessage: record({ requestId: names, to: names, body: names }),
  getMessages: pages,
  getChat: either<RequestOf<ChatApi, "getChat">>(
    record({ with: names }),
    record({ with: names, limit: counts, before: names }),
    record({ with: names, after: names }),
  ),
  acknowledgeMessages: either<RequestOf<ChatApi, "acknowledgeMessages">>(
    record({ requestId: names, ids: fc.array(names, { minLength: 1, maxLength: 4 }) }),
    record({ requestId: names, upTo: names }),
  ),
  getCluster: none,
};

const chatResponses: Responses<ChatApi> = {
  createAccount: none,
  login: record({ token: names, name: names }),
  logout: none,
  listSessions: record({
    sessions: list(record({
      id: names,
      createdAtMs: times,
      usedAtMs: fc.option(times),
      expiresAtMs: fc.option(times),
      current: flag,
    })),
    nextPageToken: texts,
  }),
  deleteAccount: none,
  listUsers: record({
    users: list(record({ name: names, online: flag, lastSeenMs: fc.option(times) })),
    nextPageToken: texts,
  }),
  sendMessage: record({ id: names, seq: integers, position: names, acceptedAtMs: times }),
  getMessages: record({ messages: list(messages), nextPageToken: texts }),
  getChat: record({ messages: list(messages), more: flag }),
  acknowledgeMessages: record({ acknowledged: fc.nat(), more: flag }),
  getCluster: record({
    clusterId: texts,
    members: list(record({ id: names, clientAddress: texts, voter: flag })),
    leader: texts,
    term: texts,
  }),
};

const adminRequests: Requests<AdminApi> = {
  status: none,
  digest: optional<{ atLeastIndex?: number }>({
    atLeastIndex: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  }),
  transferLeadership: optional<{ to?: string }>({ to: names }),
  removeMember: record({ id: names }),
  rotateAdminToken: record({ requestId: texts, tokenHash: texts }),
  listSalvaged: pages,
};

const adminResponses: Responses<AdminApi> = {
  status: record({
    clusterId: texts,
    quorum: fc.constantFrom("all", "majority"),
    lastResort: flag,
    livesByLastResort: flag,
    missing: list(record({ id: names, peerAddress: texts })),
    term: texts,
    leader: texts,
    tolerates: fc.nat(),
    self: texts,
    members: list(record({
      id: names,
      role: fc.constantFrom(
        "leader",
        "follower",
        "candidate",
        "learner",
        "joiner",
        "unknown",
      ),
      voter: flag,
      clientAddress: texts,
      peerAddress: texts,
      term: texts,
      lastIndex: integers,
      commitIndex: integers,
      appliedIndex: integers,
      reachable: flag,
      incarnation: integers,
      certificateExpiresAtMs: times,
    })),
  }),
  digest: record({ id: names, appliedIndex: integers, digest: names }),
  transferLeadership: record({ leader: texts, term: texts }),
  removeMember: record({ members: list(texts) }),
  rotateAdminToken: none,
  listSalvaged: record({
    records: list(record({
      seq: integers,
      requestId: names,
      kind: names,
      accountId: names,
      from: fc.option(texts),
      toAccountId: fc.option(texts),
      to: fc.option(texts),
      body: fc.option(texts),
      messageIds: list(texts),
      acceptedAtMs: times,
      reason: texts,
      acknowledged: flag,
    })),
    nextPageToken: texts,
  }),
};

const subscribeFrames: fc.Arbitrary<SubscribeFrame> = either<SubscribeFrame>(
  record({ kind: fc.constant("message" as const), message: messages }),
  record({ kind: fc.constant("heartbeat" as const), position: texts }),
);

const snapshotParts: fc.Arbitrary<SnapshotPart> = either<SnapshotPart>(
  record({
    kind: fc.constant("header" as const),
    base: bases,
    termStarts: termStartLists,
    rowsTotal: integers,
  }),
  record({
    kind: fc.constant("chunk" as const),
    number: integers,
    data: fc.uint8Array({ maxLength: 300 }).map((bytes) => new Uint8Array(bytes)),
  }),
  record({ kind: fc.constant("end" as const), chunks: integers, digest: names }),
);

function roundTrips<T>(form: Form<T>, values: fc.Arbitrary<T>): void {
  fc.assert(
    fc.property(values, (value) => {
      assert.deepStrictEqual(form.fromBytes(form.toBytes(value)), value);
    }),
  );
}

const tables = [
  { methods: chatMethods, requests: chatRequests, responses: chatResponses },
  { methods: adminMethods, requests: adminRequests, responses: adminResponses },
];
for (const { methods, requests, responses } of tables) {
  for (const [name, method] of Object.entries(methods) as [string, Method<unknown, unknown>][]) {
    Deno.test(`services: request and answer of ${name} come out as they went in`, () => {
      roundTrips(method.request, (requests as Record<string, fc.Arbitrary<unknown>>)[name]!);
      roundTrips(method.response, (responses as Record<string, fc.Arbitrary<unknown>>)[name]!);
    });
  }
}

Deno.test("services: request and frames of subscribe come out as they went in", () => {
  roundTrips(subscribeMethod.request, record({ positions: list(names) }));
  roundTrips(
    subscribeMethod.request,
    record({ positions: list(names), fromUnacknowledged: fc.constant(true) }),
  );
  roundTrips(subscribeMethod.response, subscribeFrames);
});

Deno.test("services: a subscription frame of an unknown kind reads as none", () => {
  assert.strictEqual(subscribeMethod.response.fromBytes(new Uint8Array([0xa2, 0x06, 0x00])), null);
});

Deno.test("services: what nodes ask of one another comes out as it went in", () => {
  const { fetchSnapshot, join, probe } = clusterMethods;
  roundTrips(join.request, record({ clusterId: texts, member: members }));
  roundTrips(
    join.response,
    either<JoinAnswer>(
      record({ kind: fc.constant("accepted" as const), clusterId: names }),
      record({
        kind: fc.constant("notLeader" as const),
        clusterId: texts,
        leaderPeerAddress: texts,
      }),
    ),
  );
  roundTrips(
    probe.response,
    record({
      clusterId: texts,
      nodeId: names,
      leader: fc.option(record({ id: names, peerAddress: texts })),
      term: terms,
      policy: fc.option(policies),
    }),
  );
  roundTrips(
    fetchSnapshot.request,
    record({ clusterId: names, nodeId: names, index: integers, firstChunk: integers }),
  );
  roundTrips(fetchSnapshot.response, snapshotParts);
});

Deno.test("services: a refused join keeps its reason, an unknown one becomes INTERNAL", () => {
  const { response } = clusterMethods.join;
  const error = new ChatError("REMOVED", "n3 was removed");
  const read = response.fromBytes(response.toBytes({ kind: "refused", error }));
  assert(read.kind === "refused");
  assert.strictEqual(read.error.reason, "REMOVED");
  assert.strictEqual(read.error.message, "n3 was removed");
  const newer = { clusterId: "", refused: { reason: "OF_TOMORROW", message: "no" } };
  const unknown = response.fromBytes(v1.JoinResponse.encode(newer).finish());
  assert(unknown.kind === "refused");
  assert.strictEqual(unknown.error.reason, "INTERNAL");
});

Deno.test("services: a chunk that was changed on its way is refused as CORRUPT", () => {
  const { response } = clusterMethods.fetchSnapshot;
  const data = new Uint8Array(100).fill(7);
  const bytes = response.toBytes({ kind: "chunk", number: 3, data });
  bytes[50]! ^= 1;
  assert.throws(
    () => response.fromBytes(bytes),
    (error) => error instanceof ChatError && error.reason === "CORRUPT",
  );
});

Deno.test("services: missing and excessive fields are refused by name", () => {
  const refusals: readonly (readonly [() => unknown, string])[] = [
    [() => through(chatMethods.sendMessage, { requestId: "", to: "a", body: "b" }), "request_id"],
    [() => through(chatMethods.sendMessage, { requestId: "r", to: "a", body: "" }), "body"],
    [() => through(chatMethods.getChat, { with: "a", before: "b", after: "c" }), "before"],
    [() => through(chatMethods.acknowledgeMessages, { requestId: "r" }), "ids"],
    [
      () => through(chatMethods.acknowledgeMessages, { requestId: "r", ids: ["a"], upTo: "p" }),
      "up_to",
    ],
    [
      () =>
        through(chatMethods.acknowledgeMessages, {
          requestId: "r",
          ids: Array.from({ length: 1_001 }, String),
        }),
      "ids",
    ],
    [
      () => through(subscribeMethod, { positions: Array.from({ length: 17 }, String) }),
      "positions",
    ],
    [() => through(adminMethods.removeMember, { id: "" }), "id"],
  ];
  for (const [read, field] of refusals) {
    assert.throws(
      read,
      (error) =>
        error instanceof ChatError && error.reason === "INVALID_ARGUMENT" && error.field === field,
      field,
    );
  }
});

function through<Request>(
  { request }: { readonly request: Form<Request> },
  value: Request,
): unknown {
  return request.fromBytes(request.toBytes(value));
}

Deno.test("services: every rpc of the schema is in a table, and nothing else", () => {
  const declared = ["chat", "admin", "cluster"].flatMap((file) => {
    const text = readFileSync(
      new URL(`../../proto/jmessage/v1/${file}.proto`, import.meta.url),
      "utf8",
    );
    const service = /^service (\w+)/m.exec(text)![1];
    return [...text.matchAll(/^ {2}rpc (\w+)\(/gm)].map(([, rpc]) =>
      `/jmessage.v1.${service}/${rpc}`
    );
  });
  const served = [
    ...Object.values(chatMethods),
    ...Object.values(adminMethods),
    ...Object.values(clusterMethods),
    subscribeMethod,
    backupMethod,
  ].map(({ path }) => path);
  assert.deepStrictEqual(served.toSorted(), declared.toSorted());
});
