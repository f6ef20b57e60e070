/**
 * Any histories of two sides, any place of the fork, any part that the loser had not decided:
 * what it acknowledged is in the winner's state, once, or in a salvage record; and again when that
 * side loses to a third one.
 *
 * @module
 */

import fc from "fast-check";
import assert from "node:assert/strict";
import { decodeCommand, encodeCommand } from "../../src/chat/codec.ts";
import type { Command, PlainCommand } from "../../src/chat/command.ts";
import type { PlacedCommand } from "../../src/chat/evaluate.ts";
import { isReason } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { listSalvaged } from "../../src/chat/queries.ts";
import { salvagedFrom, settledAmong } from "../../src/chat/salvage.ts";
import { anyPlainCommand } from "../support/chat_arbitrary.ts";
import { loggedIn } from "../support/chat_log.ts";
import { MemoryChat } from "../support/memory_chat.ts";

/** With the fingerprint that a node makes: kind and fields, no session, hash or time. */
function fingerprinted(command: PlainCommand): PlainCommand {
  const { timeMs: _time, fingerprint: _fingerprint, requestId: _id, ...fields } = command;
  const told = { ...fields, sessionId: "", tokenHash: "", passwordHash: "" };
  return { ...command, fingerprint: JSON.stringify(told) };
}

/** Few deletions: after them nothing much happens. */
const lasting = anyPlainCommand.filter(({ kind }) => kind !== "deleteAccount");
const some = fc.oneof({ weight: 4, arbitrary: lasting }, { weight: 1, arbitrary: anyPlainCommand });
const history = fc.array(some.map(fingerprinted), { maxLength: 25, size: "max" });
const sides = fc.record({
  common: history,
  winner: history,
  loser: history,
  third: history,
  /** Of ten commands of the loser, how many it has decided. */
  decided: fc.constantFrom(10, 10, 7, 4),
  sizes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
});

/** One side: its log and the state that it made of it. */
class Side {
  readonly log: PlacedCommand[] = [];

  private constructor(readonly chat: MemoryChat, readonly nodeId: string) {}

  static async open(nodeId: string, ...histories: readonly Command[][]): Promise<Side> {
    const side = new Side(await MemoryChat.open(), nodeId);
    for (const commands of histories) await side.apply(side.append(commands));
    return side;
  }

  append(commands: readonly Command[]): PlacedCommand[] {
    const term = { epoch: 0, number: 1, nodeId: this.nodeId };
    const placed = commands.map((command, offset) => {
      return { place: { index: this.log.length + 1 + offset, term }, command };
    });
    this.log.push(...placed);
    return placed;
  }

  async apply(placed: readonly PlacedCommand[], sizes: readonly number[] = [64]): Promise<void> {
    for (let from = 0, turn = 0; from < placed.length; turn++) {
      const size = sizes[turn % sizes.length] ?? 1;
      await this.chat.apply(placed.slice(from, from + size));
      from += size;
    }
  }

  /** What this side hands over of its log behind the fork. */
  async orphans(fork: number): Promise<Command[]> {
    const entries = this.log.slice(fork).map(({ place: { index }, command }) => {
      return { index, data: encodeCommand(command) };
    });
    const salvaged = await salvagedFrom(this.chat, entries);
    return salvaged.map((data) => decodeCommand(data, 0));
  }
}

const sentSql = "SELECT r.id, r.fingerprint FROM requests AS r " +
  "WHERE r.outcome LIKE '[\"sendMessage\"%' AND r.log_index > ?";
// A record that says "it was done here" is beside the message, not in its place.
const foundSql = "SELECT (SELECT count(*) FROM (SELECT * FROM messages UNION ALL " +
  "SELECT * FROM deleted_messages) AS m JOIN requests AS r ON r.id = m.id " +
  "WHERE m.id = ? AND r.fingerprint = ?) + (SELECT count(*) FROM salvage " +
  "WHERE request_id = ? AND fingerprint = ? AND reason NOT LIKE 'it was done here%') AS found";

/** Sendings that a side acknowledged behind the fork. */
async function acknowledgedBy({ chat }: Side, fork: number) {
  const rows = await chat.query(sentSql, [fork]);
  return rows.map((row) => ({ id: String(row["id"]), fingerprint: String(row["fingerprint"]) }));
}

/** Each of them is a message or a salvage record, once. */
async function assertThere({ chat }: Side, sent: readonly { id: string; fingerprint: string }[]) {
  for (const { id, fingerprint } of sent) {
    const [row] = await chat.query(foundSql, [id, fingerprint, id, fingerprint]);
    assert.equal(row?.["found"], 1, `${id} ${fingerprint}`);
  }
}

async function idsOf({ chat }: Side, sql: string): Promise<Set<string>> {
  return new Set((await chat.query(sql)).map((row) => String(row["id"])));
}

/** All rows; how far messages of deleted accounts have been moved depends on the log's length. */
async function rowsOf({ chat }: Side): Promise<unknown> {
  const { messages = [], deleted_messages = [], deletions: _, ...others } = await chat.dump();
  const all = [...messages, ...deleted_messages].sort((a, b) => Number(a[0]) - Number(b[0]));
  return { ...others, all };
}

/** What was acknowledged on the losing side is not unread again, or a record says so. */
async function assertAcknowledged(merged: Side, loser: Side) {
  const ids = (flag: 0 | 1) =>
    `SELECT id FROM messages WHERE acknowledged = ${flag} AND to_id IN ` +
    "(SELECT id FROM accounts WHERE deleted_at_ms IS NULL)";
  const unread = await idsOf(merged, ids(0));
  const { records } = await listSalvaged(merged.chat, { limit: limits.pageRowsMax });
  const recorded = new Set(records.flatMap(({ messageIds }) => messageIds));
  for (const id of await idsOf(loser, ids(1))) assert.ok(recorded.has(id) || !unread.has(id), id);
}

const openSql = "SELECT id FROM sessions WHERE revoked_at_ms IS NULL";

/** Who asks again is told what the losing side told, unless the winner's side had told something. */
async function assertAnswers(merged: Side, { loser, before }: { loser: Side; before: Side }) {
  const answers = async ({ chat }: Side) => {
    const rows = await chat.query("SELECT id, outcome FROM requests");
    return new Map(rows.map(({ id, outcome }) => [String(id), JSON.parse(String(outcome))[0]]));
  };
  const expected = new Map([...await answers(loser), ...await answers(before)]);
  const got = await answers(merged);
  for (const [id, answer] of expected) {
    // A refused login with the id of another one's session: here ids are few, else they are new.
    if (id.startsWith("l") && isReason(answer)) continue;
    assert.equal(got.get(id), answer, id);
  }
}

/** What was open on the losing side is open, what it had revoked is not; how many were open. */
async function assertSessions(merged: Side, { loser, before }: { loser: Side; before: Side }) {
  const open = await idsOf(merged, openSql);
  const live = await idsOf(merged, "SELECT id FROM accounts WHERE deleted_at_ms IS NULL");
  const known = await idsOf(before, "SELECT id FROM sessions");
  const sessions = await loser.chat.query("SELECT id, account_id, revoked_at_ms FROM sessions");
  let goOn = 0;
  for (const { id, account_id, revoked_at_ms } of sessions) {
    if (known.has(String(id)) || !live.has(String(account_id))) continue;
    if (revoked_at_ms === null) {
      assert.ok(open.has(String(id)), `${id} goes on`);
      goOn += 1;
    } else assert.ok(!open.has(String(id)), `${id} stays revoked`);
  }
  return goOn;
}

Deno.test("salvage: all that a side acknowledged is in the other one's state, once", async () => {
  const seen = { acknowledged: 0, records: 0, settled: 0, sessions: 0 };
  const property = fc.asyncProperty(sides, async ({ common, winner, loser, third, ...rest }) => {
    const start = [...loggedIn("ann", "bob", "cid"), ...common];
    const fork = start.length;
    const losing = await Side.open("b", start);
    const log = losing.append(loser);
    await losing.apply(log.slice(0, Math.ceil(log.length * rest.decided / 10)));
    const orphans = await losing.orphans(fork);
    const [before, merged, again] = [
      await Side.open("a", start, winner),
      await Side.open("a", start, winner),
      await Side.open("a", start, winner),
    ];
    const placed = merged.append(orphans);
    const settled = await settledAmong(merged.chat, orphans.map(encodeCommand));
    await merged.apply(placed);
    const acknowledged = await acknowledgedBy(losing, fork);
    await assertThere(merged, acknowledged);
    await assertAnswers(merged, { loser: losing, before });
    await assertAcknowledged(merged, losing);
    if (rest.decided === 10) {
      seen.sessions += await assertSessions(merged, { loser: losing, before });
    }

    // Another node, which cuts the log differently, and one to which only the rest is proposed.
    await again.apply(placed, rest.sizes);
    assert.deepEqual(await again.chat.dump(), await merged.chat.dump());
    await before.apply(placed.filter((_, number) => !settled[number]));
    const rows = await rowsOf(merged);
    assert.deepEqual(await rowsOf(before), rows);

    // The next member of the losing side hands over the same.
    const data = orphans.map(encodeCommand);
    assert.deepEqual(await settledAmong(merged.chat, data), data.map(() => true));
    await again.apply(
      again.append(orphans).map(({ place, command }) => {
        return { place: { ...place, index: place.index + merged.log.length }, command };
      }),
    );
    assert.deepEqual(await rowsOf(again), rows);

    // The winner loses to a third side.
    const last = await Side.open("c", start, third);
    await last.apply(last.append(await merged.orphans(fork)));
    await assertThere(last, [...acknowledged, ...await acknowledgedBy(merged, fork)]);
    seen.acknowledged += acknowledged.length;
    seen.settled += settled.filter((one) => one).length;
    seen.records += (await idsOf(merged, "SELECT request_id AS id FROM salvage")).size;
    for (const { chat } of [losing, before, merged, again, last]) await chat.close();
  });
  await fc.assert(property, { seed: 2625, numRuns: 200 });
  // Else nothing was shown.
  assert.ok(Object.values(seen).every((count) => count > 25), JSON.stringify(seen));
});
