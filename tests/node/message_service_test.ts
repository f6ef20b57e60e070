/**
 * The rules of messages, over a driver without a core.
 *
 * @module
 */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { FakeLog } from "../support/fake_driver.ts";
import { settled } from "../support/hand_clock.ts";
import { context, ServiceBench } from "../support/service_bench.ts";
import { limits } from "../../src/limits.ts";

/** Runs a test with two users of one member. */
function withUsers(
  name: string,
  run: (bench: ServiceBench, ann: string, bob: string) => Promise<void>,
): void {
  Deno.test(`message service: ${name}`, async () => {
    const bench = await ServiceBench.open();
    try {
      await run(bench, await bench.user("ann"), await bench.user("bob"));
    } finally {
      await bench.close();
    }
  });
}

const id = () => randomUUID();

withUsers(
  "a message has its request's id, its log index and a position",
  async (bench, ann, bob) => {
    const requestId = id();
    const sent = await bench.send(ann, "BOB", "hello", requestId);
    assert.equal(sent.id, requestId);
    assert.equal(sent.seq, bench.driver.log.length);
    assert.equal(sent.info.clusterId, "cluster-1");
    assert.equal(sent.info.position, sent.position);
    const { messages, nextPageToken } = await bench.chat.getMessages({}, context(bob));
    assert.equal(nextPageToken, "");
    assert.deepEqual(messages, [{
      id: requestId,
      seq: sent.seq,
      position: sent.position,
      from: "ann",
      to: "bob",
      body: "hello",
      sentAtMs: sent.acceptedAtMs,
      acknowledged: false,
    }]);
  },
);

withUsers("a retry gets the first outcome and sends nothing twice", async (bench, ann, bob) => {
  const requestId = id();
  const first = await bench.send(ann, "bob", "hello", requestId);
  await bench.send(ann, "bob", "between");
  const again = await bench.send(ann, "bob", "hello", requestId);
  assert.deepEqual({ ...again, info: first.info }, first);
  assert.equal((await bench.chat.getMessages({}, context(bob))).messages.length, 2);
  await assert.rejects(bench.send(ann, "bob", "hullo", requestId), { reason: "REQUEST_ID_REUSED" });
  await assert.rejects(bench.send(ann, "ann", "hello", requestId), { reason: "REQUEST_ID_REUSED" });
  await assert.rejects(bench.send(bob, "bob", "hello", requestId), { reason: "REQUEST_ID_REUSED" });
});

withUsers("a retry is answered though its sender has logged out", async (bench, ann) => {
  const requestId = id();
  const first = await bench.send(ann, "bob", "hello", requestId);
  await bench.chat.logout({ requestId: id(), all: true }, context(ann));
  assert.equal((await bench.send(ann, "bob", "hello", requestId)).seq, first.seq);
  await assert.rejects(bench.send(ann, "bob", "hello"), { reason: "UNAUTHENTICATED" });
});

withUsers("an unknown receiver is refused for ever under that request", async (bench, ann) => {
  const requestId = id();
  await assert.rejects(bench.send(ann, "carl", "hello", requestId), { reason: "NO_SUCH_USER" });
  await bench.user("carl");
  await assert.rejects(bench.send(ann, "carl", "hello", requestId), { reason: "NO_SUCH_USER" });
  await bench.send(ann, "carl", "hello");
});

for (
  const body of ["", "x".repeat(limits.bodyBytesMax + 1), "ä".repeat(limits.bodyBytesMax / 2 + 1)]
) {
  withUsers(`refuses a body of ${body.length} characters`, async (bench, ann) => {
    await assert.rejects(bench.send(ann, "bob", body), {
      reason: "INVALID_ARGUMENT",
      field: "body",
    });
  });
}

withUsers("a body of the greatest length arrives whole", async (bench, ann, bob) => {
  const body = "ä".repeat(limits.bodyBytesMax / 2);
  await bench.send(ann, "bob", body);
  const { messages } = await bench.chat.getMessages({}, context(bob));
  assert.equal(messages[0]?.body, body);
});

withUsers("unacknowledged messages come in pages, each once", async (bench, ann, bob) => {
  for (let i = 0; i < 5; i++) await bench.send(ann, "bob", `${i}`);
  const bodies: string[] = [];
  let pageToken = "";
  do {
    const page = await bench.chat.getMessages({ pageSize: 2, pageToken }, context(bob));
    bodies.push(...page.messages.map((message) => message.body));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  assert.deepEqual(bodies, ["0", "1", "2", "3", "4"]);
});

withUsers("acknowledges by ids, once; only the receiver may", async (bench, ann, bob) => {
  const { id: sent } = await bench.send(ann, "bob", "hello");
  const requestId = id();
  const theirs = bench.chat.acknowledgeMessages({ requestId: id(), ids: [sent] }, context(ann));
  await assert.rejects(theirs, { reason: "PERMISSION_DENIED" });
  const acknowledge = () =>
    bench.chat.acknowledgeMessages({ requestId, ids: [sent] }, context(bob));
  assert.equal((await acknowledge()).acknowledged, 1);
  assert.equal((await acknowledge()).acknowledged, 1);
  assert.deepEqual((await bench.chat.getMessages({}, context(bob))).messages, []);
  const again = await bench.chat.acknowledgeMessages(
    { requestId: id(), ids: [sent] },
    context(bob),
  );
  assert.equal(again.acknowledged, 0);
});

withUsers(
  "acknowledges up to a position, resolved before it is logged",
  async (bench, ann, bob) => {
    const first = await bench.send(ann, "bob", "1");
    const second = await bench.send(ann, "bob", "2");
    const third = await bench.send(ann, "bob", "3");
    const request = { requestId: id(), upTo: second.position };
    const done = await bench.chat.acknowledgeMessages(request, context(bob));
    assert.deepEqual([done.acknowledged, done.more], [2, false]);
    const command = bench.driver.proposals.at(-1);
    assert.ok(command?.kind === "acknowledge");
    assert.deepEqual(command.messageIds, [first.id, second.id]);
    const { messages } = await bench.chat.getMessages({}, context(bob));
    assert.deepEqual(messages.map((message) => message.id), [third.id]);
  },
);

withUsers(
  "more than one request may acknowledge is said, also to a retry",
  async (bench, ann, bob) => {
    const count = limits.ackIdsMax + 2;
    bench.driver.appliesAtOnce = false;
    const sends = Array.from({ length: count }, (_, i) => bench.send(ann, "bob", `${i}`));
    while (bench.driver.log.length < count + 4) await Promise.resolve();
    await bench.driver.apply();
    const last = (await Promise.all(sends)).at(-1)!;
    bench.driver.appliesAtOnce = true;
    const request = { requestId: id(), upTo: last.position };
    for (let attempt = 0; attempt < 2; attempt++) {
      const done = await bench.chat.acknowledgeMessages(request, context(bob));
      assert.deepEqual([done.acknowledged, done.more], [limits.ackIdsMax, true]);
    }
    const rest = await bench.chat.acknowledgeMessages(
      { ...request, requestId: id() },
      context(bob),
    );
    assert.deepEqual([rest.acknowledged, rest.more], [2, false]);
  },
);

withUsers("a position of another history, or none, is refused", async (bench, _ann, bob) => {
  for (const upTo of ["7.0.1.node-9", "2.0.9.node-1", "999.0.1.node-1", "nonsense"]) {
    const call = bench.chat.acknowledgeMessages({ requestId: id(), upTo }, context(bob));
    await assert.rejects(call, { reason: "INVALID_ARGUMENT", field: "up_to" }, upTo);
  }
});

withUsers("a conversation can be walked both ways", async (bench, ann, bob) => {
  for (const body of ["1", "3", "5"]) {
    await bench.send(ann, "bob", body);
    await bench.send(bob, "ann", String(Number(body) + 1));
  }
  const chat = (request: object) => bench.chat.getChat({ with: "bob", ...request }, context(ann));
  const newest = await chat({ limit: 2 });
  assert.deepEqual(newest.messages.map((message) => message.body), ["5", "6"]);
  assert.equal(newest.more, true);
  const older = await chat({ limit: 3, before: newest.messages[0]!.position });
  assert.deepEqual(older.messages.map((message) => message.body), ["2", "3", "4"]);
  const oldest = await chat({ limit: 3, before: older.messages[0]!.position });
  assert.deepEqual([oldest.messages.map((message) => message.body), oldest.more], [["1"], false]);
  const after = await chat({ limit: 2, after: older.messages[0]!.position });
  assert.deepEqual(after.messages.map((message) => message.body), ["3", "4"]);
  assert.equal(after.more, true);
  const both = chat({ before: newest.messages[0]!.position, after: older.messages[0]!.position });
  await assert.rejects(both, { reason: "INVALID_ARGUMENT", field: "after" });
});

withUsers("a conversation with nobody of that name is refused", async (bench, ann) => {
  await assert.rejects(bench.chat.getChat({ with: "carl" }, context(ann)), {
    reason: "NO_SUCH_USER",
  });
});

Deno.test("message service: a member that is behind waits for what its caller has seen", async () => {
  const log: FakeLog = [];
  const leader = await ServiceBench.open(1, log);
  const member = await ServiceBench.open(2, log);
  const ann = await leader.user("ann");
  await member.driver.apply();
  const { position } = await leader.send(ann, "ann", "to myself");
  const stale = await member.chat.getMessages({}, context(ann));
  assert.equal(stale.messages.length, 0);
  const reading = member.chat.getMessages({}, context(ann, { position }));
  await member.driver.apply();
  const fresh = await reading;
  assert.equal(fresh.messages.length, 1);
  assert.equal(fresh.info.position, position);
  const elsewhere = "99.0.0.another-history";
  const read = await member.chat.getMessages({}, context(ann, { position: elsewhere }));
  assert.equal(read.messages.length, 1, "an earlier term never comes after a later one");
  const ahead = position.replace(/^\d+/, "99");
  await assert.rejects(member.chat.getMessages({}, context(ann, { position: ahead })), {
    reason: "NOT_UP_TO_DATE",
  });
  const wrong = member.chat.getMessages({}, context(ann, { position: "nonsense" }));
  await assert.rejects(wrong, { reason: "INVALID_ARGUMENT" });
  await Promise.all([leader.close(), member.close()]);
});

Deno.test("message service: a member that has yet to apply a login waits rather than refuse it", async () => {
  const log: FakeLog = [];
  const leader = await ServiceBench.open(1, log);
  const member = await ServiceBench.open(2, log);
  const ann = await leader.user("ann");
  const reading = member.chat.listUsers({}, context(ann));
  await settled();
  await member.driver.apply();
  assert.deepEqual((await reading).users.map((user) => user.name), ["ann"]);
  await Promise.all([leader.close(), member.close()]);
});
