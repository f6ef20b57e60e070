/**
 * The rules of accounts and sessions, over a driver without a core.
 *
 * @module
 */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { context, ServiceBench } from "../support/service_bench.ts";
import { ChatError, type Reason } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { fingerprint } from "../../src/node/mutations.ts";

/** Runs a test with a member of its own. */
function withBench(name: string, run: (bench: ServiceBench) => Promise<void>): void {
  Deno.test(`account service: ${name}`, async () => {
    const bench = await ServiceBench.open();
    try {
      await run(bench);
    } finally {
      await bench.close();
    }
  });
}

async function reasonOf(call: Promise<unknown>): Promise<Reason | "none"> {
  try {
    await call;
    return "none";
  } catch (error) {
    assert.ok(error instanceof ChatError, String(error));
    return error.reason;
  }
}

const id = () => randomUUID();
const good = { name: "Ann.1_-", password: "12345678" };

withBench("an account is made once, and its name is taken in every case", async ({ chat }) => {
  await chat.createAccount({ requestId: id(), ...good }, context());
  const again = chat.createAccount({ ...good, requestId: id(), name: "aNN.1_-" }, context());
  assert.equal(await reasonOf(again), "NAME_TAKEN");
});

const refusedFields: readonly [string, { name?: string; password?: string; requestId?: string }][] =
  [
    ["name", { name: "" }],
    ["name", { name: "a b" }],
    ["name", { name: "ä" }],
    ["name", { name: "x".repeat(limits.nameLengthMax + 1) }],
    ["password", { password: "1234567" }],
    ["password", { password: "x".repeat(limits.passwordLengthMax + 1) }],
    ["request_id", { requestId: "no uuid" }],
  ];
for (const [field, wrong] of refusedFields) {
  withBench(`refuses ${field} ${JSON.stringify(wrong).slice(0, 40)}`, async ({ chat, driver }) => {
    const call = chat.createAccount({ requestId: id(), ...good, ...wrong }, context());
    await assert.rejects(call, { reason: "INVALID_ARGUMENT", field });
    assert.equal(driver.proposals.length, 0);
  });
}

withBench("a retry gets the first outcome, whatever its password", async ({ chat, driver }) => {
  const requestId = id();
  await chat.createAccount({ requestId, ...good }, context());
  await chat.createAccount({ requestId, ...good }, context());
  await chat.createAccount({ requestId, ...good, password: "another one" }, context());
  assert.equal(driver.proposals.length, 1);
  const other = chat.createAccount({ requestId, ...good, name: "bob" }, context());
  assert.equal(await reasonOf(other), "REQUEST_ID_REUSED");
});

withBench("a retry of a refusal is refused again, though the name is free now", async (bench) => {
  const { chat } = bench;
  const token = await bench.user("ann");
  const requestId = id();
  const password = "12345678";
  const taken = () => chat.createAccount({ requestId, name: "ann", password }, context());
  assert.equal(await reasonOf(taken()), "NAME_TAKEN");
  await chat.deleteAccount({ requestId: id() }, context(token));
  assert.equal(await reasonOf(taken()), "NAME_TAKEN");
});

withBench("neither a password nor a token enters the log", async (bench) => {
  const token = await bench.user("ann");
  const log = JSON.stringify(bench.driver.proposals);
  assert.ok(!log.includes("password of ann"));
  assert.ok(!log.includes(token));
  assert.equal(Buffer.from(token, "base64url").length, 32);
});

withBench("a wrong password and an unknown user get the same answer", async (bench) => {
  await bench.user("ann");
  const errors = new Set<string>();
  const tries = [["ann", "wrong password"], ["nobody", "wrong password"], ["ann", "x"], ["", ""]];
  for (const [name = "", password = ""] of tries) {
    const call = bench.chat.login({ requestId: id(), name, password }, context());
    const error = await call.then(() => null, (thrown) => thrown as ChatError);
    errors.add(`${error?.reason}: ${error?.message}`);
  }
  assert.equal(errors.size, 1);
  assert.ok([...errors][0]?.startsWith("UNAUTHENTICATED"));
});

withBench(
  "a login gives the name as it was registered; a retry may make a second session",
  async (bench) => {
    await bench.user("Ann");
    const request = { requestId: id(), name: "aNN", password: "password of Ann" };
    const first = await bench.chat.login(request, context());
    const second = await bench.chat.login(request, context());
    assert.equal(first.name, "Ann");
    assert.notEqual(first.token, second.token);
    await bench.user("bob");
    const other = { ...request, name: "bob", password: "password of bob" };
    assert.equal(await reasonOf(bench.chat.login(other, context())), "REQUEST_ID_REUSED");
    for (const { token } of [first, second]) await bench.chat.listUsers({}, context(token));
  },
);

withBench("logging out revokes one session; all of them if so asked", async (bench) => {
  const { chat } = bench;
  const [one, two, three] = [
    await bench.user("ann"),
    await bench.login("ann"),
    await bench.login("ann"),
  ];
  await chat.logout({ requestId: id(), all: false }, context(one));
  assert.equal(await reasonOf(chat.listUsers({}, context(one))), "UNAUTHENTICATED");
  assert.equal(await reasonOf(chat.listUsers({}, context(two))), "none");
  await chat.logout({ requestId: id(), all: true }, context(two));
  assert.equal(await reasonOf(chat.listUsers({}, context(two))), "UNAUTHENTICATED");
  assert.equal(await reasonOf(chat.listUsers({}, context(three))), "UNAUTHENTICATED");
});

/** Id of the session of a token. */
async function sessionOf({ chat }: ServiceBench, token: string): Promise<string> {
  const { sessions } = await chat.listSessions({}, context(token));
  return sessions.find(({ current }) => current)!.id;
}

withBench(
  "logging out may name one other session of the account, and ends it once",
  async (bench) => {
    const { chat } = bench;
    const [phone, own, third] = [
      await bench.user("ann"),
      await bench.login("ann"),
      await bench.login("ann"),
    ];
    const sessionId = (await sessionOf(bench, phone)).toUpperCase();
    const request = { requestId: id(), all: false, sessionId };
    await chat.logout(request, context(own));
    await chat.logout(request, context(own));
    await chat.logout({ ...request, requestId: id() }, context(own));
    assert.equal(await reasonOf(chat.listUsers({}, context(phone))), "UNAUTHENTICATED");
    for (const token of [own, third]) {
      assert.equal(await reasonOf(chat.listUsers({}, context(token))), "none");
    }
    const other = { ...request, sessionId: await sessionOf(bench, third) };
    assert.equal(await reasonOf(chat.logout(other, context(own))), "REQUEST_ID_REUSED");
    const none = { requestId: request.requestId, all: false };
    assert.equal(await reasonOf(chat.logout(none, context(own))), "REQUEST_ID_REUSED");
    const own2 = { ...request, requestId: id(), sessionId: await sessionOf(bench, own) };
    await chat.logout(own2, context(own));
    await chat.logout(own2, context(own));
    assert.equal(await reasonOf(chat.listUsers({}, context(own))), "UNAUTHENTICATED");
    assert.equal(await reasonOf(chat.listUsers({}, context(third))), "none");
  },
);

withBench(
  "another account's session is answered as one that nobody has, and stays",
  async (bench) => {
    const { chat } = bench;
    const [ann, bob] = [await bench.user("ann"), await bench.user("bob")];
    const told = [];
    for (const sessionId of [await sessionOf(bench, bob), id()]) {
      const call = chat.logout({ requestId: id(), all: false, sessionId }, context(ann));
      told.push(
        await call.then(
          () => null,
          (error: ChatError) => [error.reason, error.message, error.field],
        ),
      );
    }
    assert.deepEqual(told[0], told[1]);
    assert.equal(told[0]?.[0], "INVALID_ARGUMENT");
    assert.equal(await reasonOf(chat.listUsers({}, context(bob))), "none");
    for (const sessionId of ["", "s1"]) {
      const call = chat.logout({ requestId: id(), all: false, sessionId }, context(ann));
      assert.equal(await reasonOf(call), "INVALID_ARGUMENT");
    }
    const both = { requestId: id(), all: true, sessionId: id() };
    assert.equal(await reasonOf(chat.logout(both, context(ann))), "INVALID_ARGUMENT");
    assert.equal(await reasonOf(chat.listUsers({}, context(ann))), "none");
  },
);

withBench(
  "a request that names no session has the fingerprint that it always had",
  async (bench) => {
    const token = await bench.user("ann");
    await bench.chat.logout({ requestId: id(), all: false }, context(token));
    const command = bench.driver.proposals.at(-1)!;
    assert.ok(command.kind === "logout" && !("endedSessionId" in command));
    const fields = [command.accountId, false];
    assert.equal(command.fingerprint, fingerprint({ kind: "logout", fields }));
  },
);

withBench(
  "a retry of a logout is answered, though its session is revoked by now",
  async (bench) => {
    const token = await bench.user("ann");
    const requestId = id();
    await bench.chat.logout({ requestId, all: false }, context(token));
    await bench.chat.logout({ requestId, all: false }, context(token));
    const fresh = bench.chat.logout({ requestId: id(), all: false }, context(token));
    assert.equal(await reasonOf(fresh), "UNAUTHENTICATED");
    const other = bench.chat.logout({ requestId, all: true }, context(token));
    assert.equal(await reasonOf(other), "REQUEST_ID_REUSED");
  },
);

withBench("a deleted account is gone, its retry answered, its name free", async (bench) => {
  const { chat } = bench;
  const token = await bench.user("ann");
  const requestId = id();
  await chat.deleteAccount({ requestId }, context(token));
  await chat.deleteAccount({ requestId }, context(token));
  assert.equal(await reasonOf(chat.listUsers({}, context(token))), "UNAUTHENTICATED");
  const login = chat.login(
    { requestId: id(), name: "ann", password: "password of ann" },
    context(),
  );
  assert.equal(await reasonOf(login), "UNAUTHENTICATED");
  await bench.user("ann");
});

withBench("nobody gets the outcome of somebody else's request", async (bench) => {
  const [ann, bob] = [await bench.user("ann"), await bench.user("bob")];
  const requestId = id();
  await bench.chat.logout({ requestId, all: false }, context(ann));
  const other = bench.chat.logout({ requestId, all: false }, context(bob));
  assert.equal(await reasonOf(other), "REQUEST_ID_REUSED");
});

withBench("every mutation goes to the leader, which the error names", async (bench) => {
  const token = await bench.user("ann");
  bench.driver.follow("node-2");
  const requestId = id();
  const { chat } = bench;
  const calls = [
    chat.createAccount({ requestId, ...good }, context()),
    chat.login({ requestId, ...good }, context()),
    chat.logout({ requestId, all: true }, context(token)),
    chat.deleteAccount({ requestId }, context(token)),
    chat.sendMessage({ requestId, to: "ann", body: "x" }, context(token)),
    chat.acknowledgeMessages({ requestId, ids: [id()] }, context(token)),
  ];
  for (const call of calls) {
    await assert.rejects(call, { reason: "NOT_LEADER", leader: "127.0.0.1:6002" });
  }
});

withBench("what the log refuses or leaves open is told as it is", async (bench) => {
  const token = await bench.user("ann");
  for (const reason of ["OVERLOADED", "LEADERSHIP_LOST", "COMMIT_TIMEOUT"] as const) {
    bench.driver.refuses = new ChatError(reason, "so it is");
    assert.equal(await reasonOf(bench.send(token, "ann", "hello")), reason);
  }
});

withBench("a caller that gives up is told that the write may still happen", async (bench) => {
  const token = await bench.user("ann");
  bench.driver.appliesAtOnce = false;
  const caller = new AbortController();
  const request = { requestId: id(), to: "ann", body: "hello" };
  const call = bench.chat.sendMessage(request, context(token, { signal: caller.signal }));
  call.catch(() => {});
  caller.abort();
  await assert.rejects(call, { reason: "COMMIT_TIMEOUT", definite: false });
});

withBench(
  "what was accepted is finished before the gate is shut; the rest is refused",
  async (bench) => {
    const token = await bench.user("ann");
    bench.driver.appliesAtOnce = false;
    const accepted = bench.send(token, "ann", "hello");
    while (bench.driver.proposals.at(-1)?.kind !== "sendMessage") await Promise.resolve();
    let shut = false;
    const shutting = bench.gate.shut().then(() => shut = true);
    assert.equal(await reasonOf(bench.send(token, "ann", "late")), "SHUTTING_DOWN");
    assert.equal(shut, false);
    await bench.driver.apply();
    assert.ok((await accepted).seq > 0);
    await shutting;
  },
);

for (const token of [undefined, "", "made up"]) {
  withBench(`token ${JSON.stringify(token)} opens nothing`, async ({ chat }) => {
    const requestId = id();
    const calls = [
      chat.logout({ requestId, all: true }, context(token)),
      chat.deleteAccount({ requestId }, context(token)),
      chat.sendMessage({ requestId, to: "ann", body: "x" }, context(token)),
      chat.acknowledgeMessages({ requestId, ids: [id()] }, context(token)),
      chat.listUsers({}, context(token)),
      chat.getMessages({}, context(token)),
      chat.getChat({ with: "ann" }, context(token)),
      chat.subscribe({ positions: [] }, context(token))[Symbol.asyncIterator]().next(),
    ];
    for (const call of calls) assert.equal(await reasonOf(call), "UNAUTHENTICATED");
  });
}
