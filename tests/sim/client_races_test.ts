/**
 * What simulated clients do at once does what its name says, and every answer holds.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Operation } from "../../src/sim/scenario.ts";
import { eventsOf, MAJORITY, runFrame } from "./fault_runs.ts";

async function run(operations: readonly Operation[], load: number | null = null) {
  const result = await runFrame({ policy: MAJORITY, operations, writeEveryMs: load });
  assert.deepEqual(result.broken, []);
  const sent = (kind: string) =>
    eventsOf(result, "invoked").filter(({ body }) => body.kind === kind);
  return { result, sent };
}

Deno.test("client burst: so many messages at one instant, each decided", async () => {
  const { result, sent } = await run([{ atMs: 500, kind: "burst", from: 0, to: 1, count: 25 }]);
  const burst = sent("send").filter(({ at }) => at === sent("send")[0]!.at);
  assert.equal(burst.length, 25);
  const ids = eventsOf(result, "delivered").filter(({ user }) => user === 1);
  assert.ok(ids.length >= 25);
  assert.equal(result.faults.get("burst"), 1);
});

Deno.test("client crowd: a hundred names, each made once and written to each time", async () => {
  const { result, sent } = await run([
    { atMs: 500, kind: "crowd", from: 0, names: 40 },
    { atMs: 1_500, kind: "crowd", from: 1, names: 100 },
  ]);
  assert.equal(sent("createAccount").length, 100);
  assert.equal(sent("sendOutside").length, 140);
  const refused = eventsOf(result, "answered").filter(({ outcome }) => !outcome.ok);
  assert.deepEqual(refused, []);
});

Deno.test("client sendTwice: two nodes are asked, and the message is there once", async () => {
  const { result, sent } = await run([{ atMs: 500, kind: "sendTwice", from: 0, to: 1 }]);
  const id = `request-${sent("send")[0]!.operation}`;
  const answers = eventsOf(result, "answered").filter(({ requestId }) => requestId === id);
  assert.equal(answers.length, 2);
  assert.deepEqual(answers[0]!.outcome, answers[1]!.outcome);
  const appended = eventsOf(result, "acknowledged").filter(({ requestId }) => requestId === id);
  assert.ok(appended.length >= 2, "both went to a leader");
  const delivered = eventsOf(result, "delivered").filter(({ message }) => message.id === id);
  assert.equal(delivered.length, 1);
});

Deno.test("client deleteRace: messages on their way as their receiver is deleted", async () => {
  const { result, sent } = await run([
    { atMs: 500, kind: "deleteRace", from: 0, sends: 4 },
    { atMs: 900, kind: "deleteRace", from: 1, sends: 4 },
  ]);
  const deletions = sent("deleteAccount");
  for (const { at } of deletions) {
    assert.equal(sent("sendOutside").filter((event) => event.at === at).length, 4);
  }
  const { accounts } = result.history.finals[0]!;
  assert.deepEqual([...accounts.values()], [false, false], "deleted they are");
});

Deno.test("client logoutRace: messages on their way as their session ends", async () => {
  const { result, sent } = await run([{ atMs: 500, kind: "logoutRace", user: 0, sends: 4 }]);
  const [logout] = sent("logout");
  assert.ok(logout!.body.kind === "logout");
  const racing = sent("send").filter(({ at }) => at === logout!.at);
  assert.equal(racing.length, 4);
  assert.equal(result.history.finals[0]!.sessions.get(logout!.body.session), false);
});

Deno.test("client stallSubscriber: takes nothing, is cut off behind what waits, and misses nothing", async () => {
  const stall = { atMs: 500, kind: "stallSubscriber", user: 1, ms: 2_000 } as const;
  const quick = await run([stall, { atMs: 600, kind: "burst", from: 0, to: 1, count: 5 }]);
  const cut = await run([stall, { atMs: 600, kind: "burst", from: 0, to: 1, count: 40 }]);
  const streams = ({ result }: typeof quick) => {
    const received = eventsOf(result, "delivered").filter(({ user }) => user === 1);
    const healed = eventsOf(result, "healed")[0]!.at;
    // One more comes after the faults.
    const events = received.filter(({ at }) => at < healed);
    const since = eventsOf(result, "invoked").find(({ body }) => body.kind === "send")!.at;
    assert.ok(events.every(({ at }) => at > since + 1_800), "nothing while it is stalled");
    return { count: events.length, streams: new Set(events.map(({ stream }) => stream)).size };
  };
  assert.deepEqual(streams(quick), { count: 5, streams: 1 });
  assert.deepEqual(streams(cut), { count: 40, streams: 2 });
});
