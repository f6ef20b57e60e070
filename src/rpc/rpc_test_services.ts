/**
 * Fake services for the tests of this folder: they answer with fixed values, or as a test says.
 *
 * @module
 */

import type { AdminApi, CallContext, ChatApi, ResponseInfo } from "./api.ts";
import type { ClientServices } from "./server.ts";
import type { HealthSource } from "./health.ts";
import type { Hello, PeerApi } from "./peer_api.ts";

/** What answers carry in their headers. */
export const info: ResponseInfo = { clusterId: "cluster-1", position: "position-7" };

/** A context with a deadline `ms` from now. */
export function contextFor(ms: number, extra: Partial<CallContext> = {}): CallContext {
  return { deadlineMs: Date.now() + ms, signal: new AbortController().signal, ...extra };
}

/** A message as `getMessages` gives it. */
export const message = {
  id: "message-1",
  seq: 42,
  position: "position-5",
  from: "ada",
  to: "bob",
  body: "Grüße, 世界 👋",
  sentAtMs: 1_700_000_000_123,
  acknowledged: false,
};

/** A chat service; `changes` replace single methods. */
export function fakeChat(changes: Partial<ChatApi> = {}): ChatApi {
  return {
    createAccount: () => Promise.resolve({ info }),
    login: ({ name }) => Promise.resolve({ token: "token-1", name, info }),
    logout: () => Promise.resolve({ info }),
    listSessions: () => Promise.resolve({ sessions: [], nextPageToken: "", info }),
    deleteAccount: () => Promise.resolve({ info }),
    listUsers: () =>
      Promise.resolve({
        users: [{ name: "ada", online: true, lastSeenMs: 5 }, {
          name: "bob",
          online: false,
          lastSeenMs: null,
        }],
        nextPageToken: "next",
        info,
      }),
    sendMessage: ({ requestId }) =>
      Promise.resolve({ id: requestId, seq: 42, position: "p", acceptedAtMs: 1_500, info }),
    getMessages: () => Promise.resolve({ messages: [message], nextPageToken: "", info }),
    getChat: () => Promise.resolve({ messages: [message], more: true, info }),
    acknowledgeMessages: () => Promise.resolve({ acknowledged: 3, more: false, info }),
    subscribe: async function* () {
      yield { kind: "message", message };
      yield { kind: "heartbeat", position: "position-6" };
    },
    getCluster: () =>
      Promise.resolve({
        clusterId: "cluster-1",
        members: [{ id: "n1", clientAddress: "127.0.0.1:1", voter: true }],
        leader: "127.0.0.1:1",
        term: "1.2.n1",
        info,
      }),
    ...changes,
  };
}

/** An admin service; `changes` replace single methods. */
export function fakeAdmin(changes: Partial<AdminApi> = {}): AdminApi {
  return {
    status: () =>
      Promise.resolve({
        clusterId: "cluster-1",
        quorum: "all",
        lastResort: true,
        livesByLastResort: false,
        missing: [],
        term: "1.2.n1",
        leader: "n1",
        tolerates: 2,
        self: "n1",
        members: [{
          id: "n1",
          role: "leader",
          voter: true,
          clientAddress: "127.0.0.1:1",
          peerAddress: "127.0.0.1:2",
          term: "1.2.n1",
          lastIndex: 9,
          commitIndex: 8,
          appliedIndex: 7,
          reachable: true,
          incarnation: 1_700_000_000_000,
        }],
      }),
    digest: ({ atLeastIndex = 0 }) =>
      Promise.resolve({ id: "n1", appliedIndex: atLeastIndex + 1, digest: "abcd" }),
    rotateAdminToken: () => Promise.resolve({}),
    transferLeadership: ({ to = "chosen" }) => Promise.resolve({ leader: to, term: "1.3.n2" }),
    removeMember: () => Promise.resolve({ members: ["n1"] }),
    listSalvaged: () => Promise.resolve({ records: [], nextPageToken: "" }),
    async *backup() {},
    ...changes,
  };
}

/** Health that a test can change. */
export class FakeHealth implements HealthSource {
  isReady = true;
  isLeader = false;
  readonly listeners = new Set<() => void>();

  ready(): boolean {
    return this.isReady;
  }

  leader(): boolean {
    return this.isLeader;
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  change(state: { readonly isReady?: boolean; readonly isLeader?: boolean }): void {
    Object.assign(this, state);
    for (const listener of this.listeners) listener();
  }
}

/** All services of a client port. */
export function fakeServices(
  changes: { readonly chat?: Partial<ChatApi>; readonly admin?: Partial<AdminApi> } = {},
): ClientServices & { readonly health: FakeHealth } {
  return {
    chat: fakeChat(changes.chat),
    admin: fakeAdmin(changes.admin),
    health: new FakeHealth(),
  };
}

/** The hello of a node. */
export function helloOf(nodeId: string): Hello {
  return {
    nodeId,
    clusterId: "cluster-1",
    incarnation: 1_700_000_000_000,
    previousIncarnation: 0,
    peerAddress: "127.0.0.1:2",
    clientAddress: "127.0.0.1:1",
    protocolVersion: 1,
    toNodeId: "",
  };
}

/** A peer service that takes links and drops their frames; `changes` replace single methods. */
export function fakePeer(changes: Partial<PeerApi> = {}): PeerApi {
  return {
    openLink: () =>
      Promise.resolve({ hello: helloOf("acceptor"), frames: () => {}, closed: () => {} }),
    join: () => Promise.resolve({ kind: "accepted", clusterId: "cluster-1" }),
    probe: () =>
      Promise.resolve({
        clusterId: "cluster-1",
        nodeId: "n1",
        leader: null,
        term: { epoch: 0, number: 1, nodeId: "n1" },
        policy: null,
      }),
    handOver: () => Promise.resolve({ commonIndex: 0, unknown: 0 }),
    fetchSnapshot: async function* () {},
    ...changes,
  };
}

/** Waits until the condition holds; fails after `limitMs`. */
export async function eventually(
  condition: () => boolean,
  { limitMs = 5_000, what = "the condition" } = {},
): Promise<void> {
  const end = Date.now() + limitMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`Waited ${limitMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
