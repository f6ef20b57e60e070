/**
 * The original clients' interface over the wire, asked by such a client: every row of its table
 * and every code (rpc.md, its end), against a member's services over a driver without a core.
 *
 * @module
 */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Client, credentials, status } from "@grpc/grpc-js";
import type { Command } from "../../src/chat/command.ts";
import { ChatError, type Reason } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { createOriginalService } from "../../src/node/original_service.ts";
import { serveClients } from "../../src/rpc/server.ts";
import { fakeServices } from "../../src/rpc/rpc_test_services.ts";
import { until } from "../cluster/wait.ts";
import { callOnce, type OriginalAnswer, OriginalClient } from "../support/original_client.ts";
import { context, ServiceBench } from "../support/service_bench.ts";

interface Served {
  readonly bench: ServiceBench;
  readonly client: OriginalClient;
  readonly address: string;
}

async function serve(run: (served: Served) => Promise<void>, isOn = true): Promise<void> {
  const bench = await ServiceBench.open();
  const { parts, gate, chat } = bench;
  const original = isOn ? createOriginalService({ parts, gate }) : null;
  bench.driver.tellRole();
  const listener = await serveClients("127.0.0.1:0", { ...fakeServices(), chat, original });
  const client = new OriginalClient([listener.address]);
  try {
    await run({ bench, client, address: listener.address });
  } finally {
    client.close();
    await bench.gate.shut();
    await listener.close(0);
    await bench.close();
  }
}

function withOriginal(name: string, run: (served: Served) => Promise<void>): void {
  Deno.test(`original clients: ${name}`, () => serve(run));
}

const texts = ({ message }: OriginalAnswer) => message.map((one) => one.message);
const told = ({ error_code }: OriginalAnswer) => error_code;

/** The gRPC status of a call, made once. */
async function statusOf(address: string, name: Parameters<typeof callOnce>[1], request: object) {
  const client = new Client(address, credentials.createInsecure());
  try {
    return await callOnce(client, name, request).then(() => status.OK, ({ code }) => code);
  } finally {
    client.close();
  }
}

/** One request of each call, by a session. */
function oneOfEach(session_id: string) {
  return [
    ["CreateAccount", { username: "cid", password: "long enough" }],
    ["Login", { username: "ann", password: "password of ann" }],
    ["ListUsers", {}],
    ["Send", { to: "ann", message: "hi", session_id }],
    ["GetMessages", { session_id }],
    ["GetChat", { session_id, username: "ann" }],
    ["AcknowledgeReceivedMessages", { session_id, message_ids: [1] }],
    ["Logout", { session_id }],
    ["DeleteAccount", { session_id }],
  ] as const;
}

withOriginal("two people talk, with no deadline, no metadata and no request id", async (served) => {
  const { client, bench } = served;
  const ann = await client.user("ann");
  const bob = await client.user("bob");
  assert.notEqual(ann, bob);
  for (const message of ["one", "two"]) {
    const sent = await client.call("Send", { to: "bob", message, session_id: ann });
    assert.deepEqual([told(sent), sent.error_message], [0, ""]);
  }
  const got = await client.call("GetMessages", { session_id: bob });
  assert.equal(told(got), 0);
  assert.deepEqual(got.message.map((one) => [one.from_, one.message]), [
    ["ann", "one"],
    ["ann", "two"],
  ]);
  const stored = bench.driver.log.flatMap(({ command }, at) =>
    command.kind === "sendMessage" ? [[at + 1, command.timeMs]] : []
  );
  const numbers = got.message.map(({ message_id, time_stamp }) => [
    message_id,
    time_stamp!.seconds * 1_000 + time_stamp!.nanos / 1_000_000,
  ]);
  assert.deepEqual(numbers, stored, "the log index and the time of sending");
  assert.equal(told(await client.call("GetMessages", { session_id: bob })), 17);
  await client.call("Send", { to: "ann", message: "three", session_id: bob });
  const chat = await client.call("GetChat", { session_id: ann, username: "bob" });
  assert.deepEqual(texts(chat), ["one", "two", "three"]);
  assert.equal(told(await client.call("GetMessages", { session_id: ann })), 17);
});

withOriginal("users are listed without a login, online or offline", async ({ client }) => {
  assert.deepEqual((await client.call("ListUsers", {})).user, []);
  const ann = await client.user("ann");
  await client.user("Bob");
  const listed = await client.call("ListUsers", {});
  assert.deepEqual(listed.user, [
    { username: "ann", status: "online" },
    { username: "Bob", status: "online" },
  ]);
  assert.equal(told(await client.call("Logout", { session_id: ann })), 0);
  assert.equal((await client.call("ListUsers", {})).user[0]?.status, "offline");
});

withOriginal("every failure that has a code is told by it, with status OK", async ({ client }) => {
  const ann = await client.user("ann");
  const codeOf = async (...call: Parameters<OriginalClient["call"]>) => {
    const answer = await client.call(...call);
    assert.notEqual(answer.error_message, "", "people are told too");
    return answer.error_code;
  };
  const account = { username: "ANN", password: "another password" };
  assert.equal(await codeOf("CreateAccount", account), 8);
  assert.equal(await codeOf("CreateAccount", { ...account, username: "no such name" }), 8);
  assert.equal(await codeOf("CreateAccount", { username: "", password: "long enough" }), 8);
  assert.equal(await codeOf("CreateAccount", { username: "eve", password: "short" }), 10);
  assert.equal(await codeOf("Login", { username: "eve", password: "long enough" }), 9);
  assert.equal(await codeOf("Login", account), 10);
  assert.equal(await codeOf("Login", { username: "ann", password: "" }), 10);
  assert.equal(await codeOf("Send", { to: "eve", message: "hi", session_id: ann }), 15);
  assert.equal(await codeOf("Send", { to: "no such", message: "hi", session_id: ann }), 15);
  assert.equal(await codeOf("Send", { to: "ann", message: "", session_id: ann }), 17);
  const long = "x".repeat(limits.bodyBytesMax + 1);
  assert.equal(await codeOf("Send", { to: "ann", message: long, session_id: ann }), 17);
  assert.equal(await codeOf("GetMessages", { session_id: ann }), 17);
  assert.equal(await codeOf("GetChat", { session_id: ann, username: "ann" }), 17);
  assert.equal(await codeOf("GetChat", { session_id: ann, username: "eve" }), 9);
  assert.equal(await codeOf("GetChat", { session_id: ann, username: "no such" }), 9);
  for (const session_id of ["", "nobody's", `${ann}x`]) {
    for (const [name, request] of oneOfEach(session_id)) {
      if ("session_id" in request) assert.equal(await codeOf(name, request), 14, name);
    }
  }
});

withOriginal("a session ends with logout, and all of them with the account", async ({ client }) => {
  const first = await client.user("ann");
  const login = { username: "ann", password: "password of ann" };
  const second = (await client.call("Login", login)).session_id;
  assert.notEqual(second, first);
  assert.equal(told(await client.call("Logout", { session_id: first })), 0);
  assert.equal(told(await client.call("GetMessages", { session_id: first })), 14);
  assert.equal(told(await client.call("GetMessages", { session_id: second })), 17);
  assert.equal(told(await client.call("DeleteAccount", { session_id: second })), 0);
  assert.equal(told(await client.call("GetMessages", { session_id: second })), 14);
  assert.equal(told(await client.call("Login", login)), 9);
  assert.equal(told(await client.call("CreateAccount", login)), 0, "the name is free again");
});

withOriginal("only its receiver makes a message received, by its number", async (served) => {
  const { client, bench } = served;
  const [ann, bob] = [await client.user("ann"), await client.user("bob")];
  const send = { to: "bob", session_id: ann };
  for (const message of ["one", "two", "three"]) await client.call("Send", { ...send, message });
  const numbers = bench.driver.log.flatMap(({ command }, at) =>
    command.kind === "sendMessage" ? [at + 1] : []
  );
  const acknowledge = (session_id: string, message_ids: readonly number[]) =>
    client.call("AcknowledgeReceivedMessages", { session_id, message_ids });
  assert.equal(told(await acknowledge(ann, numbers)), 0, "what is not hers is passed over");
  assert.equal(told(await acknowledge(bob, [numbers[1]!, numbers[1]!, 0, -1, 2 ** 31 - 1])), 0);
  assert.equal(told(await acknowledge(bob, [])), 0);
  assert.deepEqual(texts(await client.call("GetMessages", { session_id: bob })), ["one", "three"]);
});

withOriginal("it shares everything with the clients of this version", async ({ bench, client }) => {
  const ann = await client.user("ann");
  const bob = await bench.user("bob");
  await bench.send(bob, "ann", "from bob");
  assert.deepEqual(texts(await client.call("GetMessages", { session_id: ann })), ["from bob"]);
  await client.call("Send", { to: "bob", message: "from ann", session_id: ann });
  const { messages } = await bench.chat.getMessages({}, context(bob));
  assert.deepEqual(messages.map(({ from, body }) => [from, body]), [["ann", "from ann"]]);
});

withOriginal(
  "more than one page is shown at once, and what is left by the next call",
  async (served) => {
    const { client, bench } = served;
    const [ann, bob] = [await client.user("ann"), await client.user("bob")];
    const sender = await bench.login("ann");
    const count = limits.ackIdsMax + limits.pageRowsMax / 2;
    const bodies = Array.from({ length: count }, (_, number) => `${number}`);
    for (const body of bodies) await bench.send(sender, "bob", body);
    const chat = await client.call("GetChat", { session_id: ann, username: "bob" });
    assert.deepEqual(texts(chat), bodies.slice(-limits.ackIdsMax), "the newest");
    const first = texts(await client.call("GetMessages", { session_id: bob }));
    const rest = texts(await client.call("GetMessages", { session_id: bob }));
    assert.deepEqual([first.length, rest.length], [limits.ackIdsMax, count - limits.ackIdsMax]);
    assert.deepEqual([...first, ...rest], bodies, "the oldest first, each once");
  },
);

withOriginal("the longest messages fit an answer", async ({ client, bench }) => {
  const [ann, bob] = [await client.user("ann"), await client.user("bob")];
  const body = "ä".repeat(limits.bodyBytesMax / 2);
  for (let count = 0; count < 64; count++) await bench.send(ann, "bob", body);
  let seen = 0;
  while (seen < 64) {
    const { message } = await client.call("GetMessages", { session_id: bob });
    assert.ok(message.length > 0 && message.every((one) => one.message === body));
    seen += message.length;
  }
  assert.equal(seen, 64);
});

withOriginal("two calls of one account at once show each message once", async (served) => {
  const { client, bench } = served;
  const [ann, bob] = [await client.user("ann"), await client.user("bob")];
  for (const body of ["one", "two"]) await bench.send(ann, "bob", body);
  const calls = Array.from({ length: 8 }, () => client.call("GetMessages", { session_id: bob }));
  const answers = await Promise.all(calls);
  assert.deepEqual(answers.flatMap(texts), ["one", "two"]);
  assert.deepEqual(answers.map(told).sort((a, b) => a - b), [0, 17, 17, 17, 17, 17, 17, 17]);
});

withOriginal("what its caller did not wait for does not become received", async (served) => {
  const { bench, client } = served;
  const [ann, bob] = [await client.user("ann"), await client.user("bob")];
  await bench.send(ann, "bob", "hello");
  const original = createOriginalService(bench);
  const gone = { deadlineMs: Infinity, signal: new AbortController().signal };
  const call = { ...gone, answered: () => Promise.resolve(false) };
  assert.equal((await original.getMessages({ sessionId: bob }, call)).messages.length, 1);
  assert.deepEqual(texts(await client.call("GetMessages", { session_id: bob })), ["hello"]);
});

withOriginal(
  "a message beyond the numbers of an int32 is refused, not numbered wrongly",
  async (served) => {
    const { bench, client, address } = served;
    const [ann, bob] = [await client.user("ann"), await client.user("bob")];
    const place = (index: number, requestId: string) => {
      const sent = bench.driver.proposals.findLast(({ kind }) => kind === "sendMessage") as Command;
      const command = { ...sent, requestId } as Extract<Command, { kind: "sendMessage" }>;
      return { place: { index, term: bench.driver.term }, command };
    };
    await bench.send(ann, "bob", "hello");
    await bench.driver.chat.apply([place(2 ** 31 - 1, randomUUID()), place(2 ** 31, randomUUID())]);
    const call = { session_id: bob, username: "ann" };
    assert.equal(await statusOf(address, "GetChat", call), status.INVALID_ARGUMENT);
    const got = await client.call("GetMessages", { session_id: bob });
    assert.equal(got.message.at(-1)?.message_id, 2 ** 31 - 1);
    assert.equal(got.message.length, 2);
    assert.equal(await statusOf(address, "GetMessages", call), status.INVALID_ARGUMENT);
  },
);

Deno.test("original clients: a node that was not told to serve them refuses each call", async () => {
  await serve(async ({ address }) => {
    for (const [name, request] of oneOfEach("x")) {
      assert.equal(await statusOf(address, name, request), status.UNIMPLEMENTED, name);
    }
  }, false);
});

withOriginal("a follower refuses each call, and nothing has happened", async (served) => {
  const { bench, client, address } = served;
  const ann = await client.user("ann");
  const before = bench.driver.log.length;
  bench.driver.follow("node-2");
  for (const [name, request] of oneOfEach(ann)) {
    assert.equal(await statusOf(address, name, request), status.UNIMPLEMENTED, name);
  }
  assert.equal(bench.driver.log.length, before);
});

withOriginal("a call waits while a leader is being elected", async ({ bench, client }) => {
  const ann = await client.user("ann");
  const { driver } = bench;
  const reads = driver.readIndex.bind(driver);
  let asked = 0;
  driver.readIndex = () => {
    asked += 1;
    return Promise.reject(new ChatError("NO_LEADER", "no leader yet"));
  };
  const { answer, refused } = await (async () => {
    const attempt = client.attempt("Send", { to: "ann", message: "hello", session_id: ann });
    await until(() => asked > 0, { what: "the call", ms: 5_000 });
    driver.readIndex = reads;
    driver.tellRole();
    return await attempt;
  })();
  assert.deepEqual([told(answer), refused], [0, 0]);
});

/** The next proposal goes into the log, or not, and its leader is lost. */
function loseLeader(bench: ServiceBench, { taken }: { readonly taken: boolean }): void {
  const { driver } = bench;
  const propose = driver.propose.bind(driver);
  driver.propose = (command) => {
    driver.propose = propose;
    driver.appliesAtOnce = false;
    if (taken) void propose(command);
    driver.follow("node-2");
    return Promise.reject(new ChatError("LEADERSHIP_LOST", "no longer leads"));
  };
}

/** The next leader's first entry. */
async function nextTerm({ driver }: ServiceBench, session: string): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20));
  const command: Command = {
    kind: "logout",
    requestId: randomUUID(),
    fingerprint: "f",
    timeMs: 0,
    accountId: session,
    sessionId: session,
    all: false,
  };
  driver.log.push({ term: driver.term, command });
  await driver.apply();
}

withOriginal("a request that lost its leader and happened is answered so", async (served) => {
  const { bench, client } = served;
  const ann = await client.user("ann");
  loseLeader(bench, { taken: true });
  const sending = client.attempt("Send", { to: "ann", message: "hello", session_id: ann });
  await nextTerm(bench, "nobody");
  const { answer, refused } = await sending;
  assert.deepEqual([told(answer), refused], [0, 0]);
});

withOriginal(
  "one that did not happen, and never will, is sent on to the next address",
  async (served) => {
    const { bench, client, address } = served;
    const ann = await client.user("ann");
    loseLeader(bench, { taken: false });
    const send = { to: "ann", message: "hello", session_id: ann };
    const sending = statusOf(address, "Send", send);
    await nextTerm(bench, "nobody");
    assert.equal(await sending, status.UNIMPLEMENTED);
  },
);

withOriginal("one of which nobody knows is told by code 18, and not sent on", async ({ bench }) => {
  const original = createOriginalService(bench);
  bench.driver.tellRole();
  const end = new AbortController();
  const call = {
    deadlineMs: Infinity,
    signal: end.signal,
    answered: () => Promise.resolve(true),
  };
  const account = { username: "ann", password: "long enough" };
  await original.createAccount(account, call);
  const { sessionId } = await original.login(account, call);
  loseLeader(bench, { taken: false });
  const sending = original.send({ to: "ann", message: "hello", sessionId }, call);
  setTimeout(() => end.abort(), 50);
  assert.equal((await sending).errorCode, 18);
});

for (const reason of ["OVERLOADED", "NO_LEADER", "SHUTTING_DOWN"] as const satisfies Reason[]) {
  withOriginal(`${reason} sends a client on to its next address`, async (served) => {
    const { bench, client, address } = served;
    const ann = await client.user("ann");
    bench.driver.refuses = new ChatError(reason, "as the test says");
    const send = { to: "ann", message: "hello", session_id: ann };
    assert.equal(await statusOf(address, "Send", send), status.UNIMPLEMENTED);
  });
}
