/**
 * The driver against a scripted core: what it does, in which order, and when it stops.
 *
 * @module
 */

import assert from "node:assert/strict";
import { InvariantError } from "../assert.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Effect } from "../raft/io.ts";
import { command, entryAt, fixture, LEAVE, OTHER, settle, TERM } from "./driver_test_ports.ts";

const LEADS: Effect = { kind: "role", role: "leader", term: TERM, leader: "n1", ready: true };
const FOLLOWS: Effect = {
  kind: "role",
  role: "follower",
  term: { ...TERM, number: 2, nodeId: "n2" },
  leader: "n2",
  ready: true,
};

function send(after: number, to = "n2"): Effect {
  return { kind: "send", to, message: LEAVE, after };
}

function persist(number: number, index?: number): Effect {
  return { kind: "persist", number, entries: index === undefined ? [] : [entryAt(index)] };
}

/** A started driver that takes proposals at rising indexes from 1. */
async function leading() {
  const made = fixture();
  let next = 1;
  made.core.script = (input) => {
    if (input.kind === "tick") return made.core.inputs.length === 1 ? [LEADS] : [];
    if (input.kind !== "propose") return [];
    const firstIndex = next;
    next += input.commands.length;
    return [{ kind: "proposed", id: input.id, firstIndex, term: TERM }];
  };
  await made.driver.start();
  return made;
}

/** The reason with which a promise is rejected, as text; "none" if it is not yet settled. */
async function reasonOf(promise: Promise<unknown>): Promise<string> {
  const outcome = promise.then(() => "resolved", (error) => ChatError.from(error).reason);
  await settle();
  return await Promise.race([outcome, Promise.resolve("none")]);
}

Deno.test("driver: what is sent now leaves before the write, the rest after it", async () => {
  const { clock, core, disk, driver, events } = fixture();
  await driver.start();
  core.script = (input) =>
    input.kind === "message"
      ? [persist(1, 1), send(1), send(0), { kind: "peers", members: [] }]
      : [];
  driver.receive("n2", 1, LEAVE);
  await clock.turns();
  assert.deepEqual(events, ["send n2 leaveRequest", "peers ", "write 1"]);
  disk.finish();
  await settle();
  assert.deepEqual(events.slice(3), ["send n2 leaveRequest"]);
  assert.deepEqual(core.of("persisted"), [{ kind: "persisted", number: 1 }]);
});

Deno.test("driver: persists of one turn, and those during a write, share one write", async () => {
  const { clock, core, disk, driver, events } = fixture();
  await driver.start();
  let number = 0;
  core.script = (input) => input.kind === "message" ? [persist(++number)] : [];
  const receive = () => driver.receive("n2", 1, LEAVE);
  receive();
  receive();
  await clock.turns();
  receive();
  receive();
  receive();
  disk.finish();
  await settle();
  await clock.turns();
  assert.deepEqual(events, ["write 1+2", "write 3+4+5"]);
});

Deno.test("driver: messages of one write keep their order, those of a later one wait", async () => {
  const { clock, core, disk, driver, events } = fixture();
  await driver.start();
  core.script = (input) => {
    if (input.kind === "message") return [persist(1), send(1, "a"), send(1, "b")];
    return input.kind === "peerRefused" ? [persist(2), send(2, "c"), send(1, "d")] : [];
  };
  driver.receive("n2", 1, LEAVE);
  await clock.turns();
  driver.peerRefused("n2");
  disk.finish();
  await settle();
  const sent = () =>
    events.filter((event) => event.startsWith("send")).join().replaceAll(
      /send | leaveRequest/g,
      "",
    );
  assert.equal(sent(), "a,b,d");
  await clock.turns();
  disk.finish();
  await settle();
  assert.equal(sent(), "a,b,d,c");
});

Deno.test("driver: proposals of one turn reach the core as one, and end when applied", async () => {
  const { clock, core, driver } = await leading();
  const first = driver.propose(command("r1"));
  const second = driver.propose(command("r2"));
  await clock.turns();
  assert.equal(core.of("propose").length, 1);
  core.script = () => [persist(1, 1), { kind: "apply", through: 0 }];
  driver.receive("n2", 1, LEAVE);
  core.script = (input) =>
    input.kind === "message"
      ? [{ kind: "persist", number: 2, entries: [entryAt(2)] }, { kind: "apply", through: 2 }]
      : [];
  driver.receive("n2", 1, LEAVE);
  await clock.turns();
  assert.equal((await first).index, 1);
  assert.deepEqual((await second).term, TERM);
  assert.deepEqual(core.of("applied").at(-1)?.position.index, 2);
});

Deno.test("driver: an entry of another term at its index is not the proposal's outcome", async () => {
  const { clock, core, driver } = await leading();
  const proposed = driver.propose(command("r1"));
  await clock.turns();
  const other = { ...TERM, number: 9 };
  core.script = (input) =>
    input.kind === "message"
      ? [{ kind: "persist", number: 1, entries: [entryAt(1, other)] }, {
        kind: "apply",
        through: 1,
      }]
      : [];
  driver.receive("n2", 1, LEAVE);
  await clock.turns();
  assert.equal(await reasonOf(proposed), "LEADERSHIP_LOST");
});

Deno.test("driver: losing the lead tells at once, but a committed write's outcome is waited for", async () => {
  const { clock, core, driver, state } = await leading();
  const committed = driver.propose(command("r1"));
  const open = driver.propose(command("r2"));
  await clock.turns();
  core.script = (input) =>
    input.kind === "message" ? [persist(1, 1), { kind: "apply", through: 1 }, FOLLOWS] : [];
  driver.receive("n2", 1, LEAVE);
  assert.equal(await reasonOf(open), "LEADERSHIP_LOST");
  assert.equal(await reasonOf(committed), "none");
  assert.equal(state.applied.index, 0);
  await clock.turns();
  assert.equal((await committed).index, 1);
});

Deno.test("driver: a refused proposal names the leader's client address", async () => {
  const { clock, core, driver } = await leading();
  core.script = (input) =>
    input.kind === "propose"
      ? [{ kind: "notProposed", id: input.id, refusal: { reason: "NOT_LEADER", leader: OTHER.id } }]
      : [];
  const refused = driver.propose(command("r1")).catch(ChatError.from);
  await clock.turns();
  const error = await refused;
  assert.ok(error instanceof ChatError);
  assert.deepEqual([error.reason, error.leader], ["NOT_LEADER", OTHER.clientAddress]);
  // The contract has these words (rpc.md): people read them where a client shows no reason.
  assert.equal(error.message, `Not the leader, the leader is at ${OTHER.clientAddress}`);
});

Deno.test("driver: pending proposals are bounded, and keep their room after a timeout", async () => {
  const { clock, driver } = await leading();
  const all = Array.from(
    { length: limits.proposalsPendingMax },
    (_, index) => reasonOf(driver.propose(command(`r${index}`))),
  );
  assert.equal(await reasonOf(driver.propose(command("one more"))), "OVERLOADED");
  await Promise.all(all);
  await clock.turns();
  const late = driver.propose(command("late"));
  assert.equal(await reasonOf(late), "OVERLOADED");
  await clock.advance(limits.commitWaitMsMax);
  assert.equal(await reasonOf(driver.propose(command("still full"))), "OVERLOADED");
});

Deno.test("driver: a write that is not confirmed in time ends with COMMIT_TIMEOUT", async () => {
  const { clock, driver } = await leading();
  const proposed = driver.propose(command("r1"));
  await clock.turns();
  await clock.advance(limits.commitWaitMsMax);
  assert.equal(await reasonOf(proposed), "COMMIT_TIMEOUT");
});

Deno.test("driver: a failing disk stops the node, once and for good", async () => {
  const { clock, core, disk, driver, events, fatal } = await leading();
  core.script = (input) => input.kind === "message" ? [persist(1), send(1)] : [];
  driver.receive("n2", 1, LEAVE);
  const proposed = driver.propose(command("r1"));
  await clock.turns();
  disk.finish(new ChatError("DISK_FULL", "no space"));
  await settle();
  assert.equal(fatal.length, 1);
  assert.equal(ChatError.from(fatal[0]).reason, "DISK_FULL");
  const steps = core.inputs.length;
  driver.receive("n2", 1, LEAVE);
  await clock.advance(1_000);
  assert.equal(core.inputs.length, steps);
  assert.equal(await reasonOf(proposed), "LEADERSHIP_LOST");
  assert.equal(await reasonOf(driver.propose(command("r2"))), "SHUTTING_DOWN");
  assert.deepEqual(events, ["write 1"]);
});

Deno.test("driver: a broken invariant of the core stops the node", async () => {
  const { core, driver, fatal } = await leading();
  core.script = () => {
    throw new InvariantError("two leaders");
  };
  driver.receive("n2", 1, LEAVE);
  assert.deepEqual(fatal.map((error) => error.message), ["two leaders"]);
});

Deno.test("driver: applies in order, in bounded batches, from disk where memory has it not", async () => {
  const { clock, core, disk, driver, events } = fixture();
  await driver.start();
  const count = limits.applyEntriesMax + 10;
  disk.stored = Array.from({ length: count }, (_, index) => entryAt(index + 1));
  core.script = (input) => input.kind === "message" ? [{ kind: "apply", through: count }] : [];
  driver.receive("n2", 1, LEAVE);
  await clock.turns();
  assert.deepEqual(events.filter((event) => event.startsWith("read")), [
    `read 1-${limits.applyEntriesMax}`,
    `read ${limits.applyEntriesMax + 1}-${count}`,
  ]);
  assert.equal(core.of("applied").at(-1)?.position.index, count);
});

Deno.test("driver: a linearizable read waits for the lease, and fails with the lead", async () => {
  const { clock, core, driver } = await leading();
  const read = driver.readIndex();
  assert.equal(await reasonOf(read), "none");
  core.readable = true;
  await clock.advance(25);
  await read;
  core.readable = false;
  const second = driver.readIndex();
  core.script = (input) => input.kind === "message" ? [FOLLOWS] : [];
  driver.receive("n2", 1, LEAVE);
  assert.equal(await reasonOf(second), "NOT_LEADER");
});

Deno.test("driver: a linearizable read shows all that is known to be committed", async () => {
  const { clock, core, disk, driver } = await leading();
  core.readable = true;
  core.commitIndex = () => 1;
  let shown = false;
  const read = driver.readIndex().then(() => shown = true);
  core.script = (input) =>
    input.kind === "message" ? [persist(1, 1), { kind: "apply", through: 1 }] : [];
  driver.receive("n2", 1, LEAVE);
  assert.equal(await reasonOf(read), "none");
  assert.equal(shown, false);
  await clock.turns();
  disk.finish();
  await clock.turns();
  await read;
});

Deno.test("driver: a wait for an index ends when it is applied, or at its deadline", async () => {
  const { clock, core, driver } = await leading();
  const soon = driver.waitApplied(1, 10_000);
  const never = driver.waitApplied(9, 100);
  core.script = (input) =>
    input.kind === "message" ? [persist(1, 1), { kind: "apply", through: 1 }] : [];
  driver.receive("n2", 1, LEAVE);
  await clock.turns();
  await soon;
  await clock.advance(100);
  assert.equal(await reasonOf(never), "NOT_UP_TO_DATE");
});

Deno.test("driver: bytes of pending proposals are bounded, too", async () => {
  const { driver } = await leading();
  // Encoded, a command of these tests is its id.
  const long = command("x".repeat(limits.bodyBytesMax));
  const room = limits.proposalBytesPendingMax / limits.bodyBytesMax;
  const all = Array.from({ length: room }, () => driver.propose(long));
  void Promise.allSettled(all);
  assert.equal(await reasonOf(all.at(-1)!), "none");
  assert.equal(await reasonOf(driver.propose(command("x"))), "OVERLOADED");
  await driver.close();
});

Deno.test("driver: whoever waits is bounded: for an index, to read, for the core's answer", async () => {
  const { clock, core, driver } = await leading();
  core.readable = false;
  const waits = {
    index: { max: limits.waitsPendingMax, wait: () => driver.waitApplied(9, 1_000_000) },
    read: { max: limits.waitsPendingMax, wait: () => driver.readIndex() },
    answer: { max: limits.requestsPendingMax, wait: () => driver.transfer(null) },
  };
  for (const [what, { max, wait }] of Object.entries(waits)) {
    const waiting = Array.from({ length: max }, wait);
    void Promise.allSettled(waiting);
    assert.equal(await reasonOf(waiting.at(-1)!), "none", what);
    const above = await wait().catch(ChatError.from);
    assert.ok(above instanceof ChatError, what);
    assert.deepEqual([above.reason, above.retryAfterMs], ["OVERLOADED", limits.overloadRetryMs]);
  }
  // Those whose time is over make room again.
  await clock.advance(limits.commitWaitMsMax);
  for (const [what, { wait }] of Object.entries(waits)) {
    assert.equal(await reasonOf(wait()), "none", what);
  }
  await driver.close();
});

Deno.test("driver: so many proposals are on their way at once, and the others wait for their author's turn", async () => {
  const { clock, core, driver } = await leading();
  const by = (accountId: string, requestId: string) => ({ ...command(requestId), accountId });
  const proposed = Array.from(
    { length: limits.proposalsBegunMax + 10 },
    (_, index) => driver.propose(by("greedy", `greedy ${index}`)),
  );
  proposed.push(driver.propose(by("modest", "modest")));
  void Promise.allSettled(proposed);
  await clock.turns();
  const texts = () => {
    const commands = core.of("propose").flatMap((input) => input.commands);
    return commands.map((data) => new TextDecoder().decode(data));
  };
  assert.equal(texts().length, limits.proposalsBegunMax);
  // Two are decided, so there is room for two.
  core.script = (input) =>
    input.kind === "propose"
      ? [{ kind: "notProposed", id: input.id, refusal: { reason: "NO_LEADER" } }]
      : input.kind === "message"
      ? [persist(1, 1), { kind: "apply", through: 1 }]
      : [];
  driver.receive("n2", 1, LEAVE);
  await clock.turns();
  assert.equal(texts()[limits.proposalsBegunMax], "modest");
  await driver.close();
});
