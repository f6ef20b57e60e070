/**
 * The unary calls of the client port over a real socket, with fake services: what arrives,
 * what comes back, every reason, deadlines and cancellation.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { ChatError, type Reason, REASONS } from "../errors.ts";
import { limits } from "../limits.ts";
import type { CallContext } from "./api.ts";
import { type ChatConnection, connect } from "./client.ts";
import { contextFor, eventually, fakeServices, info, message } from "./rpc_test_services.ts";
import { type ClientServices, serveClients } from "./server.ts";
import { chatMethods } from "./services.ts";
import { asBuffer } from "./wire.ts";

/** Runs a test against a server of `services` and a connection to it. */
async function withServer(
  services: ClientServices,
  test: (connection: ChatConnection, address: string) => Promise<void>,
): Promise<void> {
  const listener = await serveClients("127.0.0.1:0", services);
  const connection = connect(listener.address);
  try {
    await test(connection, listener.address);
  } finally {
    connection.close();
    await listener.close(0);
  }
}

/** The error that the promise ends with. */
async function failureOf(promise: Promise<unknown>): Promise<ChatError> {
  const error = await promise.then(() => assert.fail("It did not fail"), (error) => error);
  assert(error instanceof ChatError, String(error));
  return error;
}

const send = { requestId: "r-1", to: "bob", body: "hello" };

Deno.test("client port: every unary call reaches its service and brings its answer back", async () => {
  await withServer(fakeServices(), async (server) => {
    const context = contextFor(5_000);
    const requestId = "r-1";
    const account = { requestId, name: "Ada", password: "password" };
    assert.deepStrictEqual(await server.createAccount(account, context), { info });
    assert.deepStrictEqual(await server.login(account, context), {
      token: "token-1",
      name: "Ada",
      info,
    });
    assert.deepStrictEqual(await server.logout({ requestId, all: true }, context), { info });
    assert.deepStrictEqual(await server.deleteAccount({ requestId }, context), { info });
    const users = await server.listUsers({}, context);
    assert.deepStrictEqual(users.users.map(({ lastSeenMs }) => lastSeenMs), [5, null]);
    assert.deepStrictEqual(await server.sendMessage(send, context), {
      id: "r-1",
      seq: 42,
      position: "p",
      acceptedAtMs: 1_500,
      info,
    });
    const page = await server.getMessages({ pageSize: 1 }, context);
    assert.deepStrictEqual(page, { messages: [message], nextPageToken: "", info });
    const chat = await server.getChat({ with: "ada" }, context);
    assert.deepStrictEqual(chat, { messages: [message], more: true, info });
    const acknowledged = await server.acknowledgeMessages({ requestId, ids: ["a"] }, context);
    assert.deepStrictEqual(acknowledged, { acknowledged: 3, more: false, info });
    assert.strictEqual((await server.getCluster({}, context)).leader, "127.0.0.1:1");
    assert.strictEqual((await server.status({}, context)).members[0]?.role, "leader");
    assert.strictEqual((await server.digest({ atLeastIndex: 4 }, context)).appliedIndex, 5);
    assert.deepStrictEqual(await server.transferLeadership({ to: "n2" }, context), {
      leader: "n2",
      term: "1.3.n2",
    });
    assert.deepStrictEqual(await server.removeMember({ id: "n2" }, context), { members: ["n1"] });
  });
});

Deno.test("client port: token, position and deadline arrive with the request", async () => {
  const seen: CallContext[] = [];
  const services = fakeServices({
    chat: {
      logout: (_request, context) => {
        seen.push(context);
        return Promise.resolve({ info: { clusterId: "", position: "" } });
      },
    },
  });
  await withServer(services, async (server) => {
    const given = contextFor(5_000, { token: "secret", position: "9.1" });
    const answer = await server.logout({ requestId: "r", all: false }, given);
    assert.deepStrictEqual(answer.info, { clusterId: "", position: "" });
    await server.logout({ requestId: "r", all: false }, contextFor(5_000));
    assert.strictEqual(seen[0]?.token, "secret");
    assert.strictEqual(seen[0]?.position, "9.1");
    assert(Math.abs(seen[0].deadlineMs - given.deadlineMs) < 500);
    assert.strictEqual(seen[1]?.token, undefined);
    assert.strictEqual(seen[1]?.position, undefined);
  });
});

Deno.test("client port: every reason comes back with what belongs to it", async () => {
  let thrown: ChatError;
  const services = fakeServices({ chat: { sendMessage: () => Promise.reject(thrown) } });
  await withServer(services, async (server) => {
    for (const reason of Object.keys(REASONS) as Reason[]) {
      thrown = new ChatError(reason, `Text for ${reason}: größer\n`, {
        field: "body",
        leader: "127.0.0.1:2625",
        term: "1.7.n2",
        retryAfterMs: 250,
      });
      const error = await failureOf(server.sendMessage(send, contextFor(5_000)));
      const { field, leader, term, retryAfterMs, message } = error;
      assert.strictEqual(error.reason, reason);
      assert.strictEqual(error.definite, thrown.definite);
      assert.deepStrictEqual(
        { field, leader, term, retryAfterMs, message },
        {
          field: "body",
          leader: "127.0.0.1:2625",
          term: "1.7.n2",
          retryAfterMs: 250,
          message: thrown.message,
        },
      );
    }
  });
});

Deno.test("client port: an error without a reason is INTERNAL, a hint no header can hold is left out", async () => {
  let thrown: unknown;
  const services = fakeServices({ chat: { sendMessage: () => Promise.reject(thrown) } });
  await withServer(services, async (server) => {
    thrown = new TypeError("undefined is not a function");
    const bare = await failureOf(server.sendMessage(send, contextFor(5_000)));
    assert.strictEqual(bare.reason, "INTERNAL");
    thrown = new ChatError("NOT_LEADER", "x".repeat(5_000) + "👋", { leader: "größer:1\n" });
    const odd = await failureOf(server.sendMessage(send, contextFor(5_000)));
    assert.strictEqual(odd.reason, "NOT_LEADER");
    assert.strictEqual(odd.leader, undefined);
    assert.strictEqual(odd.message.length, limits.errorTextLengthMax);
  });
});

Deno.test("client port: a request with a missing field never reaches the service", async () => {
  const services = fakeServices({ chat: { sendMessage: () => assert.fail("It did") } });
  await withServer(services, async (server) => {
    const error = await failureOf(server.sendMessage({ ...send, to: "" }, contextFor(5_000)));
    assert.strictEqual(error.reason, "INVALID_ARGUMENT");
    assert.strictEqual(error.field, "to");
  });
});

Deno.test("client port: a call that takes too long ends as NO_ANSWER, and the service is told", async () => {
  let aborted = false;
  const services = fakeServices({
    chat: {
      sendMessage: (_request, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            aborted = true;
            reject(new Error("Too late"));
          });
        }),
    },
  });
  await withServer(services, async (server) => {
    const error = await failureOf(server.sendMessage(send, contextFor(100)));
    assert.strictEqual(error.reason, "NO_ANSWER");
    assert.strictEqual(error.definite, false);
    await eventually(() => aborted, { what: "the service to be told" });
    const late = await failureOf(server.sendMessage(send, contextFor(-1)));
    assert.strictEqual(late.reason, "NO_ANSWER");
  });
});

Deno.test("client port: a caller that gives up gets NO_ANSWER, and the service is told", async () => {
  let started = false;
  let aborted = false;
  const services = fakeServices({
    chat: {
      sendMessage: (_request, { signal }) => {
        started = true;
        return new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            aborted = true;
            reject(new Error("Nobody waits"));
          });
        });
      },
    },
  });
  await withServer(services, async (server) => {
    const controller = new AbortController();
    const context = contextFor(60_000, { signal: controller.signal });
    const failure = failureOf(server.sendMessage(send, context));
    await eventually(() => started, { what: "the call to arrive" });
    controller.abort();
    assert.strictEqual((await failure).reason, "NO_ANSWER");
    await eventually(() => aborted, { what: "the service to be told" });
    assert.strictEqual((await failureOf(server.sendMessage(send, context))).reason, "NO_ANSWER");
  });
});

Deno.test("client port: the signal of an answered call stays quiet", async () => {
  const signals: AbortSignal[] = [];
  const services = fakeServices({
    chat: {
      logout: (_request, context) => {
        signals.push(context.signal);
        return Promise.resolve({ info });
      },
    },
  });
  await withServer(services, async (server) => {
    for (let i = 0; i < 3; i++) {
      await server.logout({ requestId: "r", all: false }, contextFor(5_000));
    }
  });
  assert.deepStrictEqual(signals.map(({ aborted }) => aborted), [false, false, false]);
});

Deno.test("client port: closing the connection ends its calls with NO_ANSWER", async () => {
  const services = fakeServices({ chat: { sendMessage: () => new Promise(() => {}) } });
  await withServer(services, async (_server, address) => {
    const connection = connect(address);
    const failure = failureOf(connection.sendMessage(send, contextFor(60_000)));
    await connection.getCluster({}, contextFor(5_000));
    connection.close();
    assert.strictEqual((await failure).reason, "NO_ANSWER");
    const after = await failureOf(connection.sendMessage(send, contextFor(5_000)));
    assert.strictEqual(after.reason, "NO_ANSWER");
  });
});

Deno.test("client port: what is too large is refused before it is sent", async () => {
  await withServer(fakeServices(), async (server) => {
    const body = "x".repeat(limits.requestBytesMax);
    const error = await failureOf(server.sendMessage({ ...send, body }, contextFor(5_000)));
    assert.strictEqual(error.reason, "INVALID_ARGUMENT");
  });
});

/** A call as another program would make it. */
function rawCall(
  address: string,
  call: { readonly bytes: Uint8Array; readonly metadata?: Metadata; readonly deadline?: number },
): Promise<ServiceError | null> {
  const client = new Client(address, credentials.createInsecure());
  const options = call.deadline === undefined ? {} : { deadline: call.deadline };
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      chatMethods.sendMessage.path,
      (bytes: Uint8Array) => asBuffer(bytes),
      (bytes) => bytes,
      call.bytes,
      call.metadata ?? new Metadata(),
      options,
      (error) => {
        client.close();
        resolve(error);
      },
    );
  });
}

Deno.test("client port: a call without a deadline, of garbage, or too large, is refused", async () => {
  await withServer(fakeServices(), async (_server, address) => {
    const bytes = chatMethods.sendMessage.request.toBytes(send);
    const deadline = Date.now() + 5_000;
    const endless = await rawCall(address, { bytes });
    assert.strictEqual(endless?.code, status.INVALID_ARGUMENT);
    assert.deepStrictEqual(endless.metadata.get("jmessage-reason"), ["INVALID_ARGUMENT"]);
    assert.deepStrictEqual(endless.metadata.get("jmessage-field"), ["grpc-timeout"]);
    const garbage = new Uint8Array([0xff, 0xff, 0xff, 0xff]);
    assert.strictEqual(
      (await rawCall(address, { bytes: garbage, deadline }))?.code,
      status.INVALID_ARGUMENT,
    );
    const large = new Uint8Array(limits.requestBytesMax + 1);
    assert.strictEqual(
      (await rawCall(address, { bytes: large, deadline }))?.code,
      status.RESOURCE_EXHAUSTED,
    );
    const metadata = new Metadata();
    metadata.set("authorization", "Basic abc");
    const basic = await rawCall(address, { bytes, deadline, metadata });
    assert.strictEqual(basic?.code, status.UNAUTHENTICATED);
    assert.strictEqual(await rawCall(address, { bytes, deadline }), null);
  });
});
