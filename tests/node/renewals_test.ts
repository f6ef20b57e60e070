/**
 * Sessions that are used and sessions that are not, over the services of a member: what is written
 * down of a use and how often, whoever it was made at, and what an ended session is told.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Command } from "../../src/chat/command.ts";
import { ChatError } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import type { FakeLog } from "../support/fake_driver.ts";
import { HandClock, settled } from "../support/hand_clock.ts";
import { context, ServiceBench, SESSION_IDLE_MS } from "../support/service_bench.ts";

const DAY_MS = 86_400_000;

function renewalsIn(commands: readonly Command[]): readonly Command[] {
  return commands.filter(({ kind }) => kind === "renewSession");
}

async function withBench(test: (bench: ServiceBench) => Promise<void>): Promise<void> {
  const bench = await ServiceBench.open();
  try {
    await test(bench);
  } finally {
    await bench.close();
  }
}

Deno.test("renewals: a session that is used lives on, at the cost of a write a day", async () => {
  await withBench(async (bench) => {
    const { chat, clock, driver } = bench;
    const token = await bench.user("ann");
    for (let day = 0; day < 60; day++) {
      for (let call = 0; call < 12; call++) {
        await clock.leap(DAY_MS / 12);
        await chat.listUsers({}, context(token));
      }
    }
    await settled();
    const { length } = renewalsIn(driver.proposals);
    assert.ok(length >= 55 && length <= 60, String(length));
    const { sessions } = await chat.listSessions({}, context(token));
    const [own] = sessions;
    assert.ok(own !== undefined && own.current && own.usedAtMs !== null);
    assert.ok(clock.wall() - own.usedAtMs <= DAY_MS + DAY_MS / 12);
    assert.equal(own.expiresAtMs, own.usedAtMs + SESSION_IDLE_MS);
  });
});

Deno.test("renewals: one that nobody uses ends, for reads, writes and lists", async () => {
  await withBench(async (bench) => {
    const { chat, clock } = bench;
    const token = await bench.user("ann");
    await chat.listUsers({}, context(token));
    await clock.leap(SESSION_IDLE_MS - 1);
    await chat.getMessages({}, context(token));
    await settled();
    await clock.leap(SESSION_IDLE_MS);
    const over = { reason: "UNAUTHENTICATED", message: /was not used for too long; log in again/ };
    await assert.rejects(chat.getMessages({}, context(token)), over);
    await assert.rejects(bench.send(token, "ann", "hello"), over);
    const frames = chat.subscribe({ positions: [] }, context(token))[Symbol.asyncIterator]();
    await assert.rejects(frames.next(), over);
    const next = await bench.login("ann");
    const { sessions } = await chat.listSessions({}, context(next));
    assert.deepEqual(sessions.map(({ current }) => current), [true]);
  });
});

Deno.test("renewals: a use at a member that does not lead is told to the one that does", async () => {
  const log: FakeLog = [];
  const clock = new HandClock();
  const leader = await ServiceBench.open(1, log, clock);
  const follower = await ServiceBench.open(2, log, clock);
  try {
    const token = await leader.user("ann");
    await clock.leap(2 * DAY_MS);
    await follower.driver.apply();
    await follower.chat.getMessages({}, context(token));
    await follower.chat.getMessages({}, context(token));
    const frames = follower.presence.changes();
    assert.deepEqual(frames.map(({ usedSessions = [] }) => usedSessions.length), [1]);
    for (const frame of frames) leader.presence.told("node-2", frame);
    await settled();
    await settled();
    assert.equal(renewalsIn(leader.driver.proposals).length, 1);
    assert.equal(renewalsIn(follower.driver.proposals).length, 0);
    // Told again, which may happen, it is not written again.
    await clock.leap(2 * limits.sessionAskMs);
    for (const frame of frames) leader.presence.told("node-2", frame);
    await settled();
    assert.equal(renewalsIn(leader.driver.proposals).length, 1);
  } finally {
    await leader.close();
    await follower.close();
  }
});

Deno.test("renewals: what was not written down is tried again with a later call, not with each", async () => {
  await withBench(async (bench) => {
    const { chat, clock, driver } = bench;
    const token = await bench.user("ann");
    await clock.leap(2 * DAY_MS);
    driver.refuses = new ChatError("NO_LEADER", "no leader");
    await chat.listUsers({}, context(token));
    await settled();
    driver.refuses = null;
    await chat.listUsers({}, context(token));
    await settled();
    assert.equal(renewalsIn(driver.proposals).length, 0);
    await clock.leap(limits.sessionAskMs);
    await chat.listUsers({}, context(token));
    await settled();
    assert.equal(renewalsIn(driver.proposals).length, 1);
  });
});
