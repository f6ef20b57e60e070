/**
 * Presence at two members, linked by hand.
 *
 * @module
 */

import assert from "node:assert/strict";
import { limits } from "../limits.ts";
import { Presence } from "./presence.ts";

/** Two members with one clock, linked by hand. */
function members() {
  const now = { ms: 1_000_000 };
  const clock = { mono: () => now.ms, wall: () => now.ms };
  const a = new Presence(clock);
  const b = new Presence(clock);
  const link = () => a.complete().forEach((frame) => b.told("a", frame));
  const flow = () => a.changes().forEach((frame) => b.told("a", frame));
  return { now, a, b, link, flow };
}

Deno.test("presence: a call counts for 30 s, at every member", () => {
  const { now, a, b, link, flow } = members();
  link();
  a.called("ann", "s1");
  flow();
  assert.ok(a.isOnline("ann") && b.isOnline("ann"));
  now.ms += limits.onlineAfterCallMs - 1;
  flow();
  assert.ok(a.isOnline("ann") && b.isOnline("ann"));
  now.ms += 1;
  flow();
  assert.ok(!a.isOnline("ann") && !b.isOnline("ann"));
  assert.equal(b.lastSeenMs("ann"), 1_000_000);
});

Deno.test("presence: an open subscription counts until it ends, then the last call does", () => {
  const { now, a, b, link, flow } = members();
  link();
  const first = a.opened("ann");
  const second = a.opened("ann");
  now.ms += 10 * limits.onlineAfterCallMs;
  flow();
  assert.ok(b.isOnline("ann"));
  first();
  flow();
  assert.ok(b.isOnline("ann"));
  second();
  flow();
  assert.ok(!a.isOnline("ann") && !b.isOnline("ann"));
  assert.equal(b.lastSeenMs("ann"), now.ms);
});

Deno.test("presence: nothing that a dead member told stays, but for when it saw whom", () => {
  const { a, b, link } = members();
  a.opened("ann");
  link();
  assert.ok(b.isOnline("ann"));
  b.peerGone("a");
  assert.ok(!b.isOnline("ann"));
  assert.equal(b.lastSeenMs("ann"), 1_000_000);
});

Deno.test("presence: a new link tells everything again and voids what was told before", () => {
  const { a, b, link, flow } = members();
  const end = a.opened("ann");
  a.called("bob", "s2");
  link();
  end();
  a.changes(); // Told into a link that broke: b never hears of it.
  assert.ok(b.isOnline("ann"));
  link();
  assert.ok(!b.isOnline("ann") && b.isOnline("bob"));
  flow();
  assert.ok(b.isOnline("bob"));
});

Deno.test("presence: a revoked session's calls count no more; another session's do", () => {
  const { a, b, link, flow } = members();
  link();
  a.called("ann", "s1");
  a.called("ann", "s2");
  a.revoked("ann", "s1");
  flow();
  assert.ok(b.isOnline("ann"));
  a.revoked("ann", "s2");
  flow();
  assert.ok(!a.isOnline("ann") && !b.isOnline("ann"));
});

Deno.test("presence: only comings and goings are told, not each call", () => {
  const { a } = members();
  a.called("ann", "s1");
  assert.equal(a.changes().length, 1);
  a.called("ann", "s1");
  a.called("ann", "s2");
  assert.deepEqual(a.changes(), []);
});

Deno.test("presence: many accounts come in several frames, and all of them arrive", () => {
  const { a, b, link } = members();
  const count = limits.presenceAccountsMax + 10;
  for (let i = 0; i < count; i++) a.opened(`account ${i}`);
  assert.equal(a.complete().length, 2);
  link();
  for (let i = 0; i < count; i++) assert.ok(b.isOnline(`account ${i}`));
});

Deno.test("presence: never seen means null", () => {
  const { a } = members();
  assert.equal(a.lastSeenMs("ann"), null);
  assert.equal(a.isOnline("ann"), false);
});

Deno.test("presence: a member that started anew voids what it told before", () => {
  const { a, b, link } = members();
  a.opened("ann");
  link();
  const again = new Presence({ mono: () => 0, wall: () => 0 });
  again.complete().forEach((frame) => b.told("a", frame));
  assert.ok(!b.isOnline("ann"));
});
