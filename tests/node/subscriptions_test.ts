/**
 * Subscriptions: where they begin, what they give, how they end; and that nothing is missed or
 * repeated in any order of events.
 *
 * @module
 */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import type { FakeLog } from "../support/fake_driver.ts";
import { settled } from "../support/hand_clock.ts";
import { context, ServiceBench } from "../support/service_bench.ts";
import { parsePosition } from "../../src/chat/position.ts";
import { ChatError, type Reason } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import type { SubscribeFrame, SubscribeRequest } from "../../src/rpc/api.ts";

/** A reader of a stream that takes frames when the test says so. */
class Subscriber {
  readonly bodies: string[] = [];
  readonly positions: string[] = [];
  reason: Reason | null = null;
  done = false;
  readonly #frames: AsyncIterator<SubscribeFrame>;
  readonly #caller = new AbortController();

  constructor(bench: ServiceBench, token: string, request: Partial<SubscribeRequest> = {}) {
    const call = context(token, { signal: this.#caller.signal });
    const frames = bench.chat.subscribe({ positions: [], ...request }, call);
    this.#frames = frames[Symbol.asyncIterator]();
  }

  /** Takes the next frame; resolves when it has come. */
  async take(): Promise<void> {
    try {
      const { value, done } = await this.#frames.next();
      if (done) this.done = true;
      else if (value.kind === "message") {
        this.bodies.push(value.message.body);
        this.positions.unshift(value.message.position);
      } else {
        this.positions.unshift(value.position);
      }
    } catch (error) {
      assert.ok(error instanceof ChatError, String(error));
      this.reason = error.reason;
      this.done = true;
    }
  }

  /** Takes frames as long as there are any. */
  async run(): Promise<void> {
    while (!this.done) await this.take();
  }

  async leave(): Promise<void> {
    this.#caller.abort();
    await this.#frames.return?.();
  }
}

async function withBench(run: (bench: ServiceBench) => Promise<void>): Promise<void> {
  const bench = await ServiceBench.open();
  try {
    await run(bench);
  } finally {
    await bench.close();
  }
}

Deno.test("subscriptions: a member that goes over to another side sends them elsewhere", () =>
  withBench(async (bench) => {
    const ann = await bench.user("ann");
    await bench.send(ann, "ann", "before");
    const reader = new Subscriber(bench, ann);
    await reader.take();
    const running = reader.run();
    await bench.send(ann, "ann", "on this side");
    await settled();
    bench.driver.forks(bench.driver.appliedPosition().index);
    await running;
    assert.deepEqual([reader.bodies.at(-1), reader.reason], ["on this side", "NO_LEADER"]);
  }));

Deno.test("subscriptions: the first frame comes at once, live messages after it", () =>
  withBench(async (bench) => {
    const ann = await bench.user("ann");
    await bench.send(ann, "ann", "before");
    const subscriber = new Subscriber(bench, ann);
    await subscriber.take();
    assert.equal(parsePosition(subscriber.positions[0]!).index, bench.driver.log.length);
    const running = subscriber.run();
    await bench.send(ann, "ann", "live");
    await settled();
    assert.deepEqual(subscriber.bodies, ["live"]);
    await subscriber.leave();
    await running;
    assert.equal(subscriber.reason, null);
  }));

Deno.test("subscriptions: the first frame tells the cluster and the position, no other does", () =>
  withBench(async (bench) => {
    const ann = await bench.user("ann");
    const frames = bench.chat.subscribe({ positions: [] }, context(ann))[Symbol.asyncIterator]();
    const first = (await frames.next()).value;
    const { info } = await bench.chat.getCluster({}, context());
    assert.deepEqual(first?.info, info);
    await bench.send(ann, "ann", "live");
    assert.equal((await frames.next()).value?.info, undefined);
    await frames.return?.();
  }));

Deno.test("subscriptions: first everything unacknowledged, if so asked", () =>
  withBench(async (bench) => {
    const ann = await bench.user("ann");
    const first = await bench.send(ann, "ann", "1");
    for (let i = 2; i <= limits.pageRowsDefault + 5; i++) await bench.send(ann, "ann", `${i}`);
    await bench.chat.acknowledgeMessages(
      { requestId: randomUUID(), ids: [first.id] },
      context(ann),
    );
    const subscriber = new Subscriber(bench, ann, { fromUnacknowledged: true });
    const running = subscriber.run();
    await settled();
    await bench.send(ann, "ann", "live");
    await settled();
    const expected = Array.from({ length: limits.pageRowsDefault + 4 }, (_, i) => `${i + 2}`);
    assert.deepEqual(subscriber.bodies, [...expected, "live"]);
    await subscriber.leave();
    await running;
  }));

Deno.test("subscriptions: a heartbeat with a safe position at least every second", () =>
  withBench(async (bench) => {
    const ann = await bench.user("ann");
    const subscriber = new Subscriber(bench, ann);
    const running = subscriber.run();
    await settled();
    await bench.user("bob");
    for (let second = 1; second <= 3; second++) {
      await bench.clock.advance(1_250);
      assert.equal(subscriber.positions.length, 1 + second);
    }
    assert.equal(parsePosition(subscriber.positions[0]!).index, bench.driver.log.length);
    await subscriber.leave();
    await running;
  }));

Deno.test("subscriptions: begin at the newest position that is on this history", () =>
  withBench(async (bench) => {
    const ann = await bench.user("ann");
    const sent = [];
    for (const body of ["1", "2", "3"]) sent.push(await bench.send(ann, "ann", body));
    const foreign = sent[2]!.position.replace("node-1", "node-9");
    const ahead = sent[2]!.position.replace(/^\d+/, "999");
    const from = async (positions: string[]) => {
      const subscriber = new Subscriber(bench, ann, { positions });
      const running = subscriber.run();
      await settled();
      await subscriber.leave();
      await running;
      return subscriber.bodies;
    };
    assert.deepEqual(await from([sent[1]!.position, sent[0]!.position]), ["3"]);
    assert.deepEqual(await from([foreign, sent[0]!.position]), ["2", "3"]);
    assert.deepEqual(await from([ahead, sent[1]!.position]), ["3"]);
    assert.deepEqual(await from([foreign]), ["1", "2", "3"]);
    const many = new Array(limits.positionsMax + 1).fill(foreign);
    await assert.rejects(
      bench.chat.subscribe({ positions: many }, context(ann))[Symbol.asyncIterator]().next(),
      { reason: "INVALID_ARGUMENT", field: "positions" },
    );
  }));

Deno.test("subscriptions: a member that is behind waits for the position", async () => {
  const log: FakeLog = [];
  const leader = await ServiceBench.open(1, log);
  const member = await ServiceBench.open(2, log);
  const ann = await leader.user("ann");
  await member.driver.apply();
  const { position } = await leader.send(ann, "ann", "seen at the leader");
  const subscriber = new Subscriber(member, ann, { positions: [position] });
  const running = subscriber.run();
  await settled();
  await member.driver.apply();
  await leader.send(ann, "ann", "new");
  await member.driver.apply();
  await settled();
  assert.deepEqual(subscriber.bodies, ["new"]);
  await subscriber.leave();
  await running;
  await Promise.all([leader.close(), member.close()]);
});

Deno.test("subscriptions: a reader that stands still while too much arrives is cut off", () =>
  withBench(async (bench) => {
    const ann = await bench.user("ann");
    const slow = new Subscriber(bench, ann);
    const quick = new Subscriber(bench, ann);
    await slow.take();
    const running = quick.run();
    const [safe] = slow.positions;
    for (let i = 0; i <= limits.subscriberBufferMax; i++) await bench.send(ann, "ann", `${i}`);
    await settled();
    await slow.run();
    assert.equal(slow.reason, "SLOW_CONSUMER");
    assert.equal(quick.bodies.length, limits.subscriberBufferMax + 1);
    const again = new Subscriber(bench, ann, { positions: [...slow.positions, safe!] });
    const resumed = again.run();
    await settled();
    assert.deepEqual([...slow.bodies, ...again.bodies], quick.bodies);
    await Promise.all([quick.leave(), again.leave(), running, resumed]);
  }));

Deno.test("subscriptions: one above the bound is sent elsewhere, and there is room when one ends", () =>
  withBench(async (bench) => {
    const ann = await bench.user("ann");
    const open = Array.from({ length: limits.subscriptionsMax }, () => new Subscriber(bench, ann));
    for (const one of open) await one.take();
    assert.ok(open.every(({ reason }) => reason === null));
    const above = new Subscriber(bench, ann);
    await above.take();
    assert.equal(above.reason, "OVERLOADED");
    await open[0]!.leave();
    const next = new Subscriber(bench, ann);
    await next.take();
    assert.equal(next.reason, null);
    await Promise.all([...open, next].map((one) => one.leave()));
  }));

Deno.test("subscriptions: end when the session is revoked, not when another one is", () =>
  withBench(async (bench) => {
    const [one, two] = [await bench.user("ann"), await bench.login("ann")];
    const [first, second] = [new Subscriber(bench, one), new Subscriber(bench, two)];
    const running = [first.run(), second.run()];
    await settled();
    await bench.chat.logout({ requestId: randomUUID(), all: false }, context(one));
    await bench.clock.advance(limits.sessionCheckMs);
    assert.equal(first.reason, "UNAUTHENTICATED");
    assert.equal(second.reason, null);
    await bench.chat.deleteAccount({ requestId: randomUUID() }, context(two));
    await bench.clock.advance(limits.sessionCheckMs);
    assert.equal(second.reason, "UNAUTHENTICATED");
    await Promise.all(running);
    assert.equal(bench.presence.changes().at(-1)?.accounts.at(-1)?.online, false);
  }));

Deno.test("subscriptions: make their account online for as long as they are open", () =>
  withBench(async (bench) => {
    const ann = await bench.user("ann");
    const [{ accountId }] = (await bench.driver.chat.query(
      "SELECT id AS accountId FROM accounts",
    )) as unknown as [{ accountId: string }];
    const subscriber = new Subscriber(bench, ann);
    const running = subscriber.run();
    await bench.clock.advance(limits.onlineAfterCallMs + 1_000);
    assert.ok(bench.presence.isOnline(accountId));
    await subscriber.leave();
    await running;
    assert.ok(!bench.presence.isOnline(accountId));
  }));

Deno.test("subscriptions: end at a member that knows no leader for long, but not in an election", () =>
  withBench(async (bench) => {
    const ann = await bench.user("ann");
    const subscriber = new Subscriber(bench, ann);
    const running = subscriber.run();
    bench.driver.tellRole(null);
    await bench.clock.advance(limits.subscriptionAloneMsMax - 500);
    bench.driver.tellRole("node-2");
    await bench.clock.advance(limits.subscriptionAloneMsMax);
    assert.equal(subscriber.reason, null);
    bench.driver.tellRole(null);
    await bench.clock.advance(limits.subscriptionAloneMsMax + 500);
    await running;
    assert.equal(subscriber.reason, "NO_LEADER");
    const early = bench.chat.subscribe({ positions: [] }, context(ann))[Symbol.asyncIterator]();
    await assert.rejects(early.next(), { reason: "NO_LEADER" });
    bench.driver.tellRole("node-2");
    const late = new Subscriber(bench, ann);
    await late.take();
    assert.equal(late.reason, null);
    await late.leave();
  }));

Deno.test("subscriptions: end with SHUTTING_DOWN when the node stops, and leave no timer", async () => {
  const bench = await ServiceBench.open();
  const ann = await bench.user("ann");
  const subscriber = new Subscriber(bench, ann);
  const running = subscriber.run();
  await settled();
  await bench.close();
  await running;
  assert.equal(subscriber.reason, "SHUTTING_DOWN");
  const late = bench.chat.subscribe({ positions: [] }, context(ann))[Symbol.asyncIterator]();
  await assert.rejects(late.next(), { reason: "SHUTTING_DOWN" });
  assert.equal(bench.clock.timers, 0);
});

/** What may happen between two frames of a subscriber. */
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant("send" as const) },
    { weight: 2, arbitrary: fc.constant("sendOther" as const) },
    { weight: 3, arbitrary: fc.constant("apply" as const) },
    { weight: 1, arbitrary: fc.constant("install" as const) },
    { weight: 6, arbitrary: fc.constant("take" as const) },
    { weight: 2, arbitrary: fc.constant("second" as const) },
    { weight: 1, arbitrary: fc.constant("reconnect" as const) },
  ),
  { maxLength: 60 },
);

Deno.test("subscriptions: without gap or repeat, however applies, reads and reconnects interleave", () =>
  fc.assert(
    fc.asyncProperty(steps, async (schedule) => {
      const bench = await ServiceBench.open();
      const ann = await bench.user("ann");
      bench.driver.appliesAtOnce = false;
      const all: string[] = [];
      const seen: string[] = [];
      const sends: Promise<unknown>[] = [];
      let subscriber = new Subscriber(bench, ann);
      await subscriber.take();
      let taking: Promise<void> | null = null;
      for (const step of schedule) {
        switch (step) {
          case "send":
            all.push(`${all.length}`);
            sends.push(bench.send(ann, "ann", all.at(-1)!));
            await settled();
            break;
          case "sendOther":
            sends.push(bench.send(ann, "nobody", "x").catch(() => undefined));
            await settled();
            break;
          case "apply":
            void bench.driver.apply();
            break;
          case "install":
            await bench.driver.install();
            break;
          case "take":
            taking ??= subscriber.take().then(() => void (taking = null));
            await Promise.resolve();
            break;
          case "second":
            await bench.clock.advance(1_000);
            break;
          case "reconnect": {
            await subscriber.leave();
            await settled();
            seen.push(...subscriber.bodies);
            const positions = subscriber.positions.slice(0, 1);
            subscriber = new Subscriber(bench, ann, { positions });
            await subscriber.take();
            taking = null;
            break;
          }
        }
      }
      await bench.driver.apply();
      await Promise.all(sends);
      const running = subscriber.run();
      await settled();
      assert.deepEqual([...seen, ...subscriber.bodies], all);
      await subscriber.leave();
      await running;
      await bench.close();
    }),
    { numRuns: 40 },
  ));
