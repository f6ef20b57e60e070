/**
 * The clients of a simulation do what they are meant to do, without a fault in their way.
 *
 * @module
 */

import assert from "node:assert/strict";
import { resultOf } from "../../src/sim/checkers/chat_model.ts";
import { runScenario } from "../../src/sim/run.ts";
import type { Operation, Scenario } from "../../src/sim/scenario.ts";
import { judge } from "../../src/sim/simulate.ts";

const QUIET: Scenario = {
  seed: 1,
  config: {
    nodes: 2,
    spares: 0,
    policy: {
      quorum: "all",
      lastResort: true,
      heartbeatMs: 100,
      failureTimeoutMs: 1_000,
      isolationGraceMs: 3_000,
    },
    budget: "in",
    ending: "everyone",
    users: 2,
    durationMs: 1_000,
    state: "model",
  },
  operations: [],
  faults: [],
};

/** What two nodes without faults come to by these operations. */
async function eventsOf(...operations: readonly Operation[]) {
  return (await runScenario({ ...QUIET, operations })).history.events;
}

/** What came of the operations of visitors, and of whatever else is not a sending. */
async function outcomesOf(...operations: readonly Operation[]): Promise<readonly string[]> {
  const events = await eventsOf(...operations);
  const kinds = new Map<string, string>();
  return events.flatMap((event) => {
    if (event.kind === "requested") kinds.set(event.command.requestId, event.command.kind);
    if (event.kind !== "answered") return [];
    return [`${kinds.get(event.requestId)} ${resultOf(event.outcome)}`];
  }).filter((text) => !text.startsWith("sendMessage")).slice(2);
}

Deno.test("clients: a visitor has an account, and deletes it", async () => {
  assert.deepEqual(await outcomesOf({ atMs: 10, kind: "visit" }), [
    "createAccount ok",
    "login ok",
    "deleteAccount ok",
    "login UNAUTHENTICATED",
  ]);
});

Deno.test("clients: of two visitors at once, one gets the name", async () => {
  const outcomes = await outcomesOf({ atMs: 10, kind: "visit" }, { atMs: 10, kind: "visit" });
  const count = (text: string) => outcomes.filter((outcome) => outcome === text).length;
  assert.equal(count("createAccount ok"), 1);
  assert.equal(count("createAccount NAME_TAKEN"), 1);
  assert.equal(count("deleteAccount ok"), 1);
});

Deno.test("clients: a lost session is ended from a new one, and nothing is done in it", async () => {
  const events = await eventsOf({ atMs: 10, kind: "loseSession", user: 0 });
  const [logout] = events.flatMap((event) =>
    event.kind === "requested" && event.command.kind === "logout" ? [event.command] : []
  );
  assert.ok(logout?.endedSessionId !== undefined && logout.endedSessionId !== logout.sessionId);
  const sends = events.flatMap((event) => {
    if (event.kind !== "requested" || event.command.kind !== "sendMessage") return [];
    const { sessionId, requestId } = event.command;
    const answer = events.find((one) => one.kind === "answered" && one.requestId === requestId);
    assert.ok(answer?.kind === "answered");
    return [[sessionId, resultOf(answer.outcome)]];
  });
  assert.ok(sends.some(([id, came]) => id === logout.endedSessionId && came === "UNAUTHENTICATED"));
  assert.ok(sends.some(([id, came]) => id === logout.sessionId && came === "ok"));
});

Deno.test("clients: all sessions are ended from one of them, and a new one is opened", async () => {
  const { history } = await runScenario({
    ...QUIET,
    operations: [{ atMs: 10, kind: "endAllSessions", user: 0 }],
  });
  const came = history.events.flatMap((event) => event.kind === "answered" ? [event.outcome] : []);
  assert.ok(came.some((one) => one.ok && one.kind === "logout" && one.revoked === 2));
  const open = [...history.finals[0]!.sessions].map(([id, isOpen]) => [id.split("-")[1], isOpen]);
  assert.deepEqual(open.map(([, isOpen]) => isOpen), [false, false, true, true]);
});

Deno.test("clients: nobody ends another's session", async () => {
  const outcomes = await outcomesOf({ atMs: 10, kind: "endAnothers", user: 0 });
  assert.deepEqual(outcomes, ["logout INVALID_ARGUMENT"]);
});

Deno.test("clients: a session that is used lives longer", async () => {
  const { history } = await runScenario({
    ...QUIET,
    operations: [{ atMs: 500, kind: "useSession", user: 0 }],
  });
  const [used] = history.events.flatMap((event) =>
    event.kind === "answered" && event.outcome.ok && event.outcome.kind === "renewSession"
      ? [event.outcome]
      : []
  );
  const { sessionEnds } = history.finals[0]!;
  assert.ok(used !== undefined && sessionEnds.size === 2);
  const ends = [...sessionEnds.values()];
  assert.equal(sessionEnds.get(used.sessionId), used.expiresAtMs);
  assert.equal(used.expiresAtMs, Math.max(...ends.map(Number)));
  assert.ok(Math.min(...ends.map(Number)) < used.expiresAtMs - 300);
});

Deno.test("clients: operators set the admin token; of two at once one is refused", async () => {
  const { history } = await runScenario({
    ...QUIET,
    operations: [
      { atMs: 10, kind: "setAdminToken", count: 1 },
      { atMs: 300, kind: "setAdminToken", count: 2 },
    ],
  });
  const commands = history.events.flatMap((event) =>
    event.kind === "requested" && event.command.kind === "setAdminToken" ? [event.command] : []
  );
  const came = (requestId: string) => {
    const answer = history.events.find((one) =>
      one.kind === "answered" && one.requestId === requestId
    );
    return answer?.kind === "answered" ? resultOf(answer.outcome) : "nothing";
  };
  const [first, ...two] = commands;
  assert.equal(came(first!.requestId), "ok");
  assert.equal(two.length, 2);
  assert.deepEqual(two.map(({ replaces }) => replaces), [first!.tokenHash, first!.tokenHash]);
  const outcomes = two.map(({ requestId }) => came(requestId));
  assert.deepEqual([...outcomes].sort(), ["PERMISSION_DENIED", "ok"]);
  const { tokenHash } = two[outcomes.indexOf("ok")]!;
  for (const { adminTokenHash } of history.finals) assert.equal(adminTokenHash, tokenHash);
});

Deno.test("clients: a reader is shown who there is and what came, and everybody reads in the end", async () => {
  const read = { kind: "read", user: 1, linearizable: true, node: 0 } as const;
  const events = await eventsOf(
    { atMs: 10, kind: "send", from: 0, to: 1 },
    { atMs: 100, ...read },
    { atMs: 200, ...read, linearizable: false },
  );
  const shown = events.flatMap((event) =>
    event.kind === "readAnswered" ? [event.messages.length] : []
  );
  const users = events.flatMap((event) =>
    event.kind === "usersAnswered" ? [[...event.accounts].sort()] : []
  );
  // Both users in the end; by then one more message came to the second, and one through each node.
  assert.deepEqual([...shown.slice(0, 2), ...shown.slice(2).sort()], [1, 1, 0, 4]);
  assert.deepEqual(users, Array.from({ length: 4 }, () => ["account-0", "account-1"]));
});

Deno.test("clients: a write through every node is accepted in the end", async () => {
  const events = await eventsOf();
  const through = events.flatMap((event) => event.kind === "acceptedThrough" ? [event.node] : []);
  assert.deepEqual(through.sort(), ["n0", "n1"]);
});

Deno.test("clients: a write goes also through a node that was leaving and comes back", async () => {
  const policy = { ...QUIET.config.policy, lastResort: false };
  const config = { ...QUIET.config, policy, nodes: 3, spares: 1, users: 3, logTailEntries: 3 };
  const crash = { kind: "crash", node: 1, powerCut: false, afterCalls: 0 } as const;
  // It depends on a few milliseconds when it is back: each of these is back at another moment.
  for (const seed of [7, 14, 16, 40]) {
    const { violations } = await judge({
      seed,
      config: { ...config, durationMs: 6_000, writeEveryMs: 40, state: "libsql" },
      operations: [],
      faults: [
        { atMs: 5_043, ...crash, restartAfterMs: null },
        { atMs: 5_243, kind: "join" },
        { atMs: 5_916, kind: "leave", node: "leader" },
      ],
    });
    assert.deepEqual(violations, []);
  }
});
