/**
 * The streams of the client port over a real socket, with fake services: order,
 * back-pressure, ends of all kinds, and health.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { ChatError } from "../errors.ts";
import type { AdminApi, BackupPart, ChatApi, SubscribeFrame } from "./api.ts";
import { connect } from "./client.ts";
import { grpc } from "./gen/messages.js";
import {
  contextFor,
  eventually,
  FakeHealth,
  fakeServices,
  info,
  message,
} from "./rpc_test_services.ts";
import { serveClients } from "./server.ts";
import { backupMethod } from "./services.ts";
import { asBuffer } from "./wire.ts";

const request = { positions: [] };

/** Runs a test against a server whose subscriptions are `subscribe`. */
async function withSubscribe(
  subscribe: ChatApi["subscribe"],
  test: (connection: ChatApi & { close(): void }, address: string) => Promise<void>,
): Promise<void> {
  const listener = await serveClients("127.0.0.1:0", fakeServices({ chat: { subscribe } }));
  const connection = connect(listener.address);
  try {
    await test(connection, listener.address);
  } finally {
    connection.close();
    await listener.close(0);
  }
}

async function* countUp(limit = Infinity): AsyncGenerator<SubscribeFrame> {
  for (let i = 0; i < limit; i++) yield { kind: "heartbeat", position: String(i) };
}

Deno.test("subscribe: request and frames arrive, the end too", async () => {
  const asked: unknown[] = [];
  const subscribe: ChatApi["subscribe"] = async function* (given, context) {
    asked.push(given, context.token);
    yield { kind: "message", message };
    yield { kind: "heartbeat", position: "p9" };
  };
  await withSubscribe(subscribe, async (server) => {
    const given = { positions: ["9.2", "4.1"], fromUnacknowledged: true };
    const frames = await Array.fromAsync(
      server.subscribe(given, contextFor(5_000, { token: "t" })),
    );
    assert.deepStrictEqual(asked, [given, "t"]);
    assert.deepStrictEqual(frames, [
      { kind: "message", message },
      { kind: "heartbeat", position: "p9" },
    ]);
  });
});

Deno.test("subscribe: headers tell the cluster and the position, as a unary answer's do", async () => {
  const subscribe: ChatApi["subscribe"] = async function* () {
    yield { kind: "heartbeat", position: "p9", info };
    yield { kind: "heartbeat", position: "p9" };
  };
  await withSubscribe(subscribe, async (_server, address) => {
    const client = new Client(address, credentials.createInsecure());
    const empty = () => Buffer.alloc(0);
    const options = { deadline: Date.now() + 5_000 };
    const path = "/jmessage.v1.ChatService/Subscribe";
    const call = client.makeServerStreamRequest(path, empty, empty, null, options);
    const headers = new Promise<Metadata>((resolve) => call.once("metadata", resolve));
    try {
      call.resume();
      await new Promise((resolve, reject) => call.once("end", resolve).once("error", reject));
      assert.deepStrictEqual((await headers).get("x-jmessage-cluster"), [info.clusterId]);
      assert.deepStrictEqual((await headers).get("x-jmessage-position"), [info.position]);
    } finally {
      client.close();
    }
  });
});

Deno.test("subscribe: many frames arrive all and in order", async () => {
  await withSubscribe(() => countUp(3_000), async (server) => {
    let next = 0;
    for await (const frame of server.subscribe(request, contextFor(20_000))) {
      assert.deepStrictEqual(frame, { kind: "heartbeat", position: String(next++) });
    }
    assert.strictEqual(next, 3_000);
  });
});

Deno.test("subscribe: a slow reader holds the source back, and gets everything in the end", async () => {
  const body = "x".repeat(60_000);
  let made = 0;
  const subscribe: ChatApi["subscribe"] = async function* () {
    for (; made < 400; made++) yield { kind: "message", message: { ...message, body } };
  };
  await withSubscribe(subscribe, async (server, address) => {
    const other = connect(address);
    const frames = server.subscribe(request, contextFor(20_000))[Symbol.asyncIterator]();
    await frames.next();
    // Other calls go on, on this connection and on others, while nobody reads the frames.
    let before = -1;
    while (made !== before) {
      before = made;
      for (let i = 0; i < 20; i++) await server.getCluster({}, contextFor(5_000));
      await other.getCluster({}, contextFor(5_000));
    }
    // The reader's own buffer of 16, its window of a MiB, and what the writer may have unread.
    assert(made < 16 + 18 + 4, `${made} frames of 60 kB were made for a reader that read one`);
    let read = 1;
    while (!(await frames.next()).done) read += 1;
    assert.strictEqual(read, 400);
    other.close();
  });
});

Deno.test("subscribe: an error of the source ends the frames, without a gap before it", async () => {
  const subscribe: ChatApi["subscribe"] = async function* () {
    yield* countUp(3);
    throw new ChatError("SLOW_CONSUMER", "Too slow", { retryAfterMs: 200 });
  };
  await withSubscribe(subscribe, async (server) => {
    const positions: string[] = [];
    const failure = (async () => {
      for await (const frame of server.subscribe(request, contextFor(5_000))) {
        assert(frame.kind === "heartbeat");
        positions.push(frame.position);
      }
    })();
    await assert.rejects(
      failure,
      (error) =>
        error instanceof ChatError && error.reason === "SLOW_CONSUMER" &&
        error.retryAfterMs === 200,
    );
    // gRPC lets the error overtake frames; it never lets one frame overtake another.
    assert.deepStrictEqual(positions, ["0", "1", "2"].slice(0, positions.length));
  });
});

Deno.test("subscribe: a reader that stops, gives up or runs out of time ends the source", async () => {
  let ended = 0;
  const subscribe: ChatApi["subscribe"] = async function* (_request, { signal }) {
    try {
      yield { kind: "heartbeat", position: "0" };
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    } finally {
      ended += 1;
    }
  };
  await withSubscribe(subscribe, async (server) => {
    for await (const _frame of server.subscribe(request, contextFor(5_000))) break;
    await eventually(() => ended === 1, { what: "the source to end when the reader stops" });

    const controller = new AbortController();
    const context = contextFor(5_000, { signal: controller.signal });
    const given = server.subscribe(request, context)[Symbol.asyncIterator]();
    await given.next();
    controller.abort();
    await assert.rejects(given.next(), isNoAnswer);
    await eventually(() => ended === 2, { what: "the source to end when the reader gives up" });

    const short = server.subscribe(request, contextFor(200))[Symbol.asyncIterator]();
    await short.next();
    await assert.rejects(short.next(), isNoAnswer);
    await eventually(() => ended === 3, { what: "the source to end at the deadline" });
  });
});

Deno.test("subscribe: a reader whose connection breaks ends the source", async () => {
  let ended = false;
  const subscribe: ChatApi["subscribe"] = async function* (_request, { signal }) {
    yield { kind: "heartbeat", position: "0" };
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    ended = true;
  };
  await withSubscribe(subscribe, async (_server, address) => {
    const connection = connect(address);
    const frames = connection.subscribe(request, contextFor(60_000))[Symbol.asyncIterator]();
    await frames.next();
    connection.close();
    await assert.rejects(frames.next(), isNoAnswer);
    await eventually(() => ended, { what: "the source to end" });
  });
});

Deno.test("subscribe: a request that cannot be read is refused with its field", async () => {
  await withSubscribe(() => countUp(), async (server) => {
    const tooMany = { positions: Array.from({ length: 17 }, String) };
    const frames = server.subscribe(tooMany, contextFor(5_000))[Symbol.asyncIterator]();
    await assert.rejects(
      frames.next(),
      (error) => error instanceof ChatError && error.field === "positions",
    );
  });
});

function isNoAnswer(error: unknown): boolean {
  return error instanceof ChatError && error.reason === "NO_ANSWER";
}

const { HealthCheckRequest, HealthCheckResponse } = grpc.health.v1;
const { NOT_SERVING, SERVICE_UNKNOWN, SERVING } = HealthCheckResponse.ServingStatus;

/** The health service as any other program calls it. */
class HealthClient {
  readonly #client: Client;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure());
  }

  check(service: string): Promise<number | ServiceError> {
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        "/grpc.health.v1.Health/Check",
        (value: string) => asBuffer(HealthCheckRequest.encode({ service: value }).finish()),
        (bytes) => HealthCheckResponse.decode(bytes).status,
        service,
        new Metadata(),
        (error, answer) => resolve(error ?? answer!),
      );
    });
  }

  watch(service: string): { readonly seen: readonly number[]; cancel(): void } {
    const seen: number[] = [];
    const call = this.#client.makeServerStreamRequest(
      "/grpc.health.v1.Health/Watch",
      (value: string) => asBuffer(HealthCheckRequest.encode({ service: value }).finish()),
      (bytes) => HealthCheckResponse.decode(bytes).status,
      service,
      new Metadata(),
    );
    call.on("data", (each) => seen.push(each));
    call.on("error", () => {});
    return { seen, cancel: () => call.cancel() };
  }

  close(): void {
    this.#client.close();
  }
}

Deno.test("health: check tells life, readiness and leadership, without a deadline", async () => {
  const health = new FakeHealth();
  const listener = await serveClients("127.0.0.1:0", { ...fakeServices(), health });
  const client = new HealthClient(listener.address);
  try {
    assert.strictEqual(await client.check(""), SERVING);
    assert.strictEqual(await client.check("jmessage.ready"), SERVING);
    assert.strictEqual(await client.check("jmessage.leader"), NOT_SERVING);
    health.change({ isReady: false, isLeader: true });
    assert.strictEqual(await client.check("jmessage.ready"), NOT_SERVING);
    assert.strictEqual(await client.check("jmessage.leader"), SERVING);
    const unknown = await client.check("other");
    assert(typeof unknown === "object" && unknown.code === status.NOT_FOUND);
  } finally {
    client.close();
    await listener.close(0);
  }
});

Deno.test("health: watch tells each change once, and stops listening when its reader goes", async () => {
  const health = new FakeHealth();
  const listener = await serveClients("127.0.0.1:0", { ...fakeServices(), health });
  const client = new HealthClient(listener.address);
  try {
    const leader = client.watch("jmessage.leader");
    const unknown = client.watch("other");
    await eventually(() => leader.seen.length === 1 && unknown.seen.length === 1);
    health.change({ isLeader: true });
    await eventually(() => leader.seen.length === 2);
    health.change({ isReady: false });
    health.change({ isLeader: false });
    await eventually(() => leader.seen.length === 3);
    assert.deepStrictEqual(leader.seen, [NOT_SERVING, SERVING, NOT_SERVING]);
    assert.deepStrictEqual(unknown.seen, [SERVICE_UNKNOWN]);
    assert.strictEqual(health.listeners.size, 2);
    leader.cancel();
    unknown.cancel();
    await eventually(() => health.listeners.size === 0, { what: "the listeners to go" });
  } finally {
    client.close();
    await listener.close(0);
  }
});

Deno.test("health: the end of a port waits for calls, and not for watches", async () => {
  const listener = await serveClients("127.0.0.1:0", fakeServices());
  const client = new HealthClient(listener.address);
  try {
    const { seen } = client.watch("jmessage.ready");
    await eventually(() => seen.length === 1);
    const begun = performance.now();
    await listener.close(10_000);
    assert.ok(performance.now() - begun < 5_000, "it had an end of its own");
  } finally {
    client.close();
    await listener.close(0);
  }
});

Deno.test("backup: what a member gives arrives, and is refused where it was changed", async () => {
  const term = { epoch: 1, number: 2, nodeId: "n1" };
  const policy = {
    quorum: "majority",
    lastResort: false,
    heartbeatMs: 1,
    failureTimeoutMs: 4,
    isolationGraceMs: 5,
  } as const;
  const parts: BackupPart[] = [
    {
      kind: "header",
      clusterId: "cluster-1",
      nodeId: "n1",
      base: { index: 7, term, checksum: "abc" },
      term: { ...term, number: 3 },
      policy,
      schemaVersion: 1,
      takenAtMs: 1_700_000_000_123,
      rowsTotal: 9,
    },
    { kind: "terms", termStarts: [{ term, index: 1 }] },
    { kind: "chunk", number: 0, data: new Uint8Array([1, 2, 3]) },
    { kind: "end", chunks: 1, digest: "abcd" },
  ];
  const asked: unknown[] = [];
  const backup: AdminApi["backup"] = async function* (request) {
    asked.push(request);
    yield* parts;
  };
  const listener = await serveClients("127.0.0.1:0", fakeServices({ admin: { backup } }));
  const connection = connect(listener.address);
  try {
    const ask = { atLeastIndex: 6 };
    assert.deepStrictEqual(await Array.fromAsync(connection.backup(ask, contextFor(5_000))), parts);
    assert.deepStrictEqual(asked, [ask]);
  } finally {
    connection.close();
    await listener.close(0);
  }
  for (const part of parts) {
    const bytes = backupMethod.response.toBytes(part);
    assert.deepStrictEqual(backupMethod.response.fromBytes(bytes), part);
  }
  const chunk = backupMethod.response.toBytes(parts[2]!);
  chunk[chunk.indexOf(3, 4)]! ^= 1;
  assert.throws(() => backupMethod.response.fromBytes(chunk), { reason: "CORRUPT" });
});
