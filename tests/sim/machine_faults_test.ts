/**
 * Faults of machines in the simulator do what their names say: disks, clocks, power, and
 * operators; and the nodes come to terms with them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { MachineTime, SimClock } from "../../src/sim/sim_clock.ts";
import { Process } from "../../src/sim/process.ts";
import { World } from "../../src/sim/world.ts";
import { ALL, ALL_WITHOUT, eventsOf, MAJORITY, membersOf, runFrame } from "./fault_runs.ts";

Deno.test("fault writeError: the node stops itself, says why, and is started again", async () => {
  const result = await runFrame({
    faults: [{ atMs: 1_000, kind: "writeError", node: 1, restartAfterMs: 400 }],
  });
  const [stopped, ...more] = eventsOf(result, "stopped", "n1");
  assert.match(stopped!.reason, /^Cannot use log\.db: the disk failed .*check the disk/);
  assert.deepEqual(more, []);
  const starts = eventsOf(result, "started", "n1").map(({ at }) => at);
  assert.equal(starts.length, 2);
  assert.ok(Math.abs(starts[1]! - stopped!.at - 400) < 1);
  assert.deepEqual(membersOf(result), ["n0", "n1", "n2"]);
  assert.equal(result.faults.get("stopped by a write error"), 1);
  assert.deepEqual(result.broken, []);
});

Deno.test("fault diskFull: the node stops, does not start without space, and goes on with it", async () => {
  const result = await runFrame({
    faults: [
      { atMs: 1_000, kind: "diskFull", node: 2, ms: 2_000 },
      { atMs: 2_000, kind: "restart", node: 2 },
    ],
  });
  const stopped = eventsOf(result, "stopped", "n2");
  assert.equal(stopped.length, 2, "as it writes, and as it starts");
  for (const { reason } of stopped) assert.match(reason, /the disk is full; free some space/);
  const starts = eventsOf(result, "started", "n2").map(({ at }) => at);
  assert.equal(starts.length, 2);
  assert.ok(starts[1]! - stopped[0]!.at > 1_900);
  assert.deepEqual(membersOf(result), ["n0", "n1", "n2"]);
  assert.deepEqual(result.broken, []);
});

Deno.test("fault slowDisk: each write that needs the disk takes so much longer", async () => {
  const faults = [{ atMs: 0, kind: "slowDisk", node: 1, delayMs: 300, ms: 5_000 }] as const;
  const operations = [{ atMs: 1_000, kind: "send", from: 0, to: 1 }] as const;
  const options = { nodes: 2, policy: ALL, writeEveryMs: null, operations };
  const slow = await runFrame({ ...options, faults });
  const quick = await runFrame({ ...options, faults: [] });
  assert.ok(latency(quick) < 50, `${latency(quick)} ms`);
  assert.ok(latency(slow) > 300 && latency(slow) < 700, `${latency(slow)} ms`);
  assert.deepEqual(slow.broken, []);
});

Deno.test("fault stall: requests of operators and signals wait like all else", async () => {
  const result = await runFrame({
    ...{ seed: 1_993_535_377, nodes: 2, spares: 1, durationMs: 1_305, writeEveryMs: 250 },
    ...{ logTailEntries: 3, policy: { ...ALL, heartbeatMs: 200 } },
    faults: [
      { atMs: 100, kind: "stall", node: "leader", ms: 1_100 },
      { atMs: 100, kind: "join" },
      { atMs: 205, kind: "transfer", to: null },
      { atMs: 701, kind: "transfer", to: null },
    ],
  });
  const [stall] = eventsOf(result, "fault");
  const transfers = eventsOf(result, "settled").filter(({ what }) => what === "transfer");
  assert.equal(transfers.length, 2);
  for (const { at } of transfers) assert.ok(at - stall!.at >= 1_100);
  // Who was called meanwhile would seem to have been awake.
  assert.deepEqual(result.broken, []);
});

Deno.test("fault leave: who stands still hears of it when it goes on", async () => {
  const { history } = await runFrame({
    faults: [
      { atMs: 1_000, kind: "stall", node: 1, ms: 700 },
      { atMs: 1_100, kind: "leave", node: 1 },
    ],
  }).then((result) => result);
  const stalled = history.events.find((event) => event.kind === "fault");
  const left = history.events.find((event) => event.kind === "left");
  assert.ok(left!.at - stalled!.at >= 700);
});

Deno.test("snapshots: members that died in the middle of one keep nobody else from joining", async () => {
  const dies = { kind: "crash", powerCut: false } as const;
  const result = await runFrame({
    ...{ seed: 0, spares: 2, durationMs: 1_739, writeEveryMs: 40, logTailEntries: 3 },
    policy: { ...ALL_WITHOUT, heartbeatMs: 200 },
    faults: [
      { atMs: 100, ...dies, node: "follower", afterCalls: 0, restartAfterMs: 55 },
      { atMs: 300, ...dies, node: 0, afterCalls: 0, restartAfterMs: 1_100 },
      { atMs: 300, kind: "replace", node: "follower", during: "snapshot" },
      { atMs: 300, kind: "block", from: "follower", to: "leader", ms: 50, during: "snapshot" },
      { atMs: 739, kind: "join" },
      { atMs: 739, ...dies, node: "any", afterCalls: 1, restartAfterMs: null, on: "snapshot" },
    ],
  });
  assert.equal(result.faults.get("crash during snapshot"), 1);
  assert.ok(membersOf(result).includes("n3"), "the one that joins");
  assert.deepEqual(result.broken, []);
});

Deno.test("fault hang: whoever has just gone on is counted on from its next heartbeat on", async () => {
  const result = await runFrame({
    seed: 0,
    nodes: 4,
    policy: { ...ALL, heartbeatMs: 200 },
    writeEveryMs: 150,
    durationMs: 4_296,
    logTailEntries: 12,
    appendEntriesMax: 3,
    faults: [
      { atMs: 100, kind: "replace", node: 2 },
      { atMs: 100, kind: "replace", node: 3 },
      { atMs: 2_580, kind: "hang", node: 1, ms: 1_100 },
      { atMs: 3_740, kind: "replace", node: "leader" },
    ],
  });
  assert.equal(result.faults.get("replace"), 2, "the last one but the leader has not gone on yet");
  assert.deepEqual(result.broken, []);
});

/** From the first message's sending to its answer, ms. */
function latency(result: Parameters<typeof eventsOf>[0]): number {
  const sent = eventsOf(result, "invoked").find(({ body }) => body.kind === "send")!;
  const answer = eventsOf(result, "answered").find(({ operation }) => operation === sent.operation);
  return answer!.at - sent.at;
}

for (const policy of [ALL, ALL_WITHOUT, MAJORITY]) {
  const name = `${policy.quorum}, last resort ${policy.lastResort}`;
  Deno.test(`fault flipEntry: the node refuses to start, a new one takes its place (${name})`, async () => {
    const result = await runFrame({
      policy,
      spares: 1,
      faults: [{ atMs: 2_000, kind: "flipEntry", node: 1, permille: 100, restartAfterMs: 300 }],
    });
    const [stopped] = eventsOf(result, "stopped", "n1");
    assert.match(stopped!.reason, /log\.db: a bad checksum of the entry at index \d+/);
    assert.equal(result.faults.get("stopped by a damaged log"), 1);
    assert.deepEqual(membersOf(result), ["n0", "n2", "n3"]);
    assert.deepEqual(result.broken, []);
  });
}

Deno.test("fault flipEntry: a machine that burns down before it is started again stays lost", async () => {
  const result = await runFrame({
    policy: ALL,
    budget: "over",
    faults: [
      { atMs: 2_000, kind: "flipEntry", node: 1, permille: 100, restartAfterMs: 300 },
      { atMs: 2_100, kind: "replace", node: 1 },
      { atMs: 3_500, kind: "blackout", downMs: 10, gapMs: 0, lateMs: 0, order: 0 },
    ],
  });
  assert.equal(result.faults.get("stopped by a damaged log"), undefined);
  assert.ok(!result.history.judgeLiveness, "nobody has to go on without it");
  assert.deepEqual(result.broken, []);
});

Deno.test("fault flipEntry: a node that needs the entry to hand it over ends at once, and is replaced", async () => {
  const result = await runFrame({
    policy: ALL,
    budget: "over",
    spares: 1,
    faults: [
      { atMs: 200, kind: "isolate", nodes: [0], ms: 4_700 },
      { atMs: 4_800, kind: "flipEntry", node: 0, permille: 999, restartAfterMs: 60_000 },
    ],
  });
  const [stopped] = eventsOf(result, "stopped", "n0");
  assert.match(stopped!.reason, /log\.db: a bad checksum of the entry at index \d+/);
  assert.equal(result.faults.get("replaced"), 1);
  assert.deepEqual(result.broken, []);
});

Deno.test("fault flipEntry: a disk that the policy cannot lose is left alone", async () => {
  const result = await runFrame({
    nodes: 2,
    policy: MAJORITY,
    budget: "over",
    faults: [{ atMs: 2_000, kind: "flipEntry", node: 1, permille: 100, restartAfterMs: 300 }],
  });
  assert.equal(result.faults.get("flipEntry"), undefined);
  assert.deepEqual(eventsOf(result, "stopped"), []);
});

Deno.test("fault flipEntry: a damaged disk stays one when another trouble of its node is over", async () => {
  const result = await runFrame({
    ...{ nodes: 2, spares: 2, policy: ALL, logTailEntries: 3, seed: 0 },
    faults: [
      { atMs: 100, kind: "diskFull", node: "leader", ms: 50 },
      { atMs: 100, kind: "flipEntry", node: 1, permille: 0, restartAfterMs: 200 },
      { atMs: 300, kind: "flipEntry", node: 0, permille: 0, restartAfterMs: 1 },
    ],
  });
  assert.equal(result.faults.get("flipEntry"), 1, "nobody else has what is acknowledged");
  assert.deepEqual(result.broken, []);
});

Deno.test("fault flipChunk: a damaged snapshot is refused, and fetched again", async () => {
  const result = await runFrame({
    spares: 1,
    logTailEntries: 3,
    faults: [
      { atMs: 2_000, kind: "flipChunk", node: 0, bit: 999 },
      { atMs: 2_000, kind: "flipChunk", node: 1, bit: 999 },
      { atMs: 2_000, kind: "flipChunk", node: 2, bit: 999 },
      { atMs: 2_001, kind: "join" },
    ],
  });
  const refused = result.lines.filter((line) => line.includes("Cannot take the snapshot of"));
  assert.ok(refused.length >= 1, "it is noticed");
  assert.ok(membersOf(result).includes("n3"), "and harms nobody");
  assert.deepEqual(result.broken, []);
});

Deno.test("fault blackout: all die at once, come back one by one, and go on", async () => {
  for (const policy of [ALL, ALL_WITHOUT, MAJORITY]) {
    const result = await runFrame({
      policy,
      ending: "survivors",
      faults: [
        { atMs: 2_000, kind: "blackout", downMs: 200, gapMs: 100, lateMs: 1_500, order: 7 },
      ],
    });
    const crashes = eventsOf(result, "crashed").map(({ at }) => at);
    assert.equal(crashes.length, 3);
    assert.equal(new Set(crashes).size, 1);
    const starts = eventsOf(result, "started").map(({ at }) => at - crashes[0]!).slice(3);
    assert.deepEqual(starts.map(Math.round), [200, 300, 1_900]);
    assert.deepEqual(membersOf(result), ["n0", "n1", "n2"]);
    assert.deepEqual(result.broken, []);
  }
});

Deno.test("fault replace: an empty node at the same address takes the place of the old one", async () => {
  const result = await runFrame({
    spares: 1,
    faults: [{ atMs: 2_000, kind: "replace", node: 0 }],
  });
  assert.deepEqual(membersOf(result), ["n1", "n2", "n3"]);
  const configs = eventsOf(result, "written", "n1").flatMap(({ batches }) => batches)
    .flatMap(({ entries }) => entries).flatMap(({ voters }) =>
      voters === undefined ? [] : [voters]
    );
  assert.deepEqual(configs.at(-1), ["n3", "n1", "n2"], "in rank order, so by address");
  assert.deepEqual(result.broken, []);
});

Deno.test("fault replace: clients are led to the node that is at an address now", async () => {
  const result = await runFrame({
    nodes: 5,
    spares: 1,
    writeEveryMs: null,
    faults: [
      { atMs: 1_000, kind: "replace", node: 0 },
      { atMs: 4_000, kind: "transfer", to: 5 },
    ],
    operations: [
      { atMs: 3_500, kind: "send", from: 0, to: 1 },
      { atMs: 5_000, kind: "send", from: 0, to: 1 },
    ],
  });
  const [first, second] = eventsOf(result, "invoked").filter(({ body }) => body.kind === "send");
  const [before] = eventsOf(result, "answered").filter(({ at }) => at > first!.at);
  const [after] = eventsOf(result, "answered").filter(({ at }) => at > second!.at);
  assert.ok(eventsOf(result, "acknowledged", "n5").some(({ at }) => at > second!.at));
  assert.ok(before!.at - first!.at > 0 && after!.at - second!.at < 20, "without a detour");
  assert.deepEqual(result.broken, []);
});

for (const orderly of [true, false]) {
  const how = orderly ? "by SIGTERM" : "killed";
  Deno.test(`fault rollingRestart: each node in turn is ${how} and comes back`, async () => {
    for (const policy of [ALL, ALL_WITHOUT, MAJORITY]) {
      const result = await runFrame({
        policy,
        faults: [{ atMs: 500, kind: "rollingRestart", orderly, gapMs: 1_700 }],
      });
      for (const node of ["n0", "n1", "n2"]) {
        assert.equal(eventsOf(result, orderly ? "left" : "crashed", node).length, 1, node);
        assert.equal(eventsOf(result, "started", node).length, 2, node);
      }
      assert.equal(result.faults.get("restarted in turn"), 3);
      assert.deepEqual(membersOf(result), ["n0", "n1", "n2"]);
      assert.deepEqual(result.broken, []);
    }
  });
}

Deno.test("fault drift: clocks and timers run at their rates, the fast one by the faster", async () => {
  const world = new World(1);
  const time = new MachineTime("n0", world);
  const read = () => [time.mono(), time.fast(), time.wall()] as const;
  const clock = new SimClock({ world, process: new Process("n0", world), time });
  const moved = (before: ReturnType<typeof read>) =>
    read().map((value, place) => Math.round(value - before[place]!));

  // Time goes on only as long as something is to happen.
  world.after(10_000, () => {});
  const start = read();
  await world.run(1_000);
  assert.deepEqual(moved(start), [1_000, 1_000, 1_000]);
  time.drift({ monoPercent: -10, wallPercent: 5 });
  let rang = 0;
  clock.after(900, () => rang = world.now);
  const drifting = read();
  await world.run(2_000);
  assert.deepEqual(moved(drifting), [900, 1_050, 1_050]);
  assert.equal(Math.round(rang), 2_000, "a timer runs by the monotonic clock");
  time.drift({ monoPercent: 0, wallPercent: 0 });
  const after = read();
  await world.run(3_000);
  assert.deepEqual(moved(after), [1_000, 1_000, 1_000]);
  const set = read();
  time.jump(-400);
  assert.deepEqual(moved(set), [0, 0, -400]);
});

Deno.test("fault drift: a cluster whose clocks drift apart serves all the time", async () => {
  const result = await runFrame({
    policy: ALL,
    faults: [
      { atMs: 100, kind: "drift", node: 0, monoPercent: -10, wallPercent: 10, ms: 5_000 },
      { atMs: 100, kind: "drift", node: 1, monoPercent: 0, wallPercent: -10, ms: 5_000 },
    ],
  });
  const leaders = eventsOf(result, "role").filter(({ role, at }) =>
    role === "leader" && at > eventsOf(result, "fault")[0]!.at
  );
  assert.deepEqual(leaders, [], "nobody is suspected");
  assert.deepEqual(result.broken, []);
});

Deno.test("fault copy: in the place of a spare that was removed, which is faulty no more then", async () => {
  const result = await runFrame({
    spares: 2,
    policy: ALL_WITHOUT,
    faults: [
      { atMs: 6, kind: "join" },
      { atMs: 6, kind: "remove", node: 4 },
      { atMs: 2_105, kind: "copy", node: "leader" },
      { atMs: 3_306, kind: "rollingRestart", orderly: false, gapMs: 0 },
    ],
  });
  assert.equal(result.faults.get("copy refused"), 1);
  assert.equal(result.faults.get("rollingRestart"), 1);
  assert.deepEqual(result.broken, []);
});

Deno.test("fault copy: two copies of one node are two disks to who judges them", async () => {
  const result = await runFrame({
    spares: 2,
    policy: ALL,
    faults: [
      { atMs: 100, kind: "copy", node: "leader" },
      { atMs: 100, kind: "rollingRestart", orderly: true, gapMs: 513 },
      { atMs: 1_600, kind: "copy", node: "leader" },
    ],
  });
  assert.equal(result.faults.get("copy refused"), 2);
  assert.deepEqual(result.broken, []);
});
