/**
 * Tests of calls whose login has ended and is made anew: their time, and under which id they are
 * asked again.
 *
 * @module
 */

import { equal, ok, rejects } from "node:assert/strict";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { ChatClient } from "./chat_client.ts";
import { ManualClock } from "./client_test_clock.ts";
import { FakeCluster } from "./client_test_cluster.ts";
import type { Renew } from "./session.ts";

const ended = new ChatError("UNAUTHENTICATED", "Not logged in: log in again");

/** One leader, and a client with a kept login, which logs in where that has ended. */
function setUp(options: { renew?: Renew; afterLogin?: readonly ChatError[] } = {}) {
  const clock = new ManualClock();
  const cluster = new FakeCluster(["n1:1"]);
  const client = new ChatClient({ servers: ["n1:1"], connect: cluster.connect, clock });
  const { failures } = cluster.node("n1:1");
  const login: Renew = async (call) => {
    await client.login("ann", "correct horse", call);
    failures.push(...options.afterLogin ?? []);
  };
  client.useSession({ user: "ann", token: "token-ann#0" }, options.renew ?? login);
  return { clock, cluster, client, failures };
}

Deno.test("renewal: what is asked, the new login and what is asked again have one time", async () => {
  const busy = new ChatError("OVERLOADED", "The node is busy", { retryAfterMs: 3_000 });
  // Before the login ends, while it is made anew, and after that.
  for (const timeoutMs of [5_000, 8_000, 12_000]) {
    const { clock, cluster, client, failures } = setUp({ afterLogin: [busy] });
    failures.push(busy, ended, busy);
    const sent = clock.until(client.send("bob", "x", { timeoutMs }));
    if (timeoutMs === 12_000) await sent;
    else await rejects(sent, { reason: "OVERLOADED", definite: true });
    ok(clock.mono() <= timeoutMs, `took ${clock.mono()} ms of ${timeoutMs}`);
    equal(cluster.log.length, timeoutMs === 12_000 ? 1 : 0);
    client.close();
  }
});

Deno.test("renewal: a call waits for another's new login no longer than its own time", async () => {
  const { clock, client, failures } = setUp({ renew: () => new Promise(() => {}) });
  failures.push(ended, ended);
  const other = client.users({ timeoutMs: 60_000 }).next().catch(() => {});
  await rejects(clock.until(client.send("bob", "x", { timeoutMs: 2_000 })), {
    reason: "NO_LEADER",
    definite: true,
    message: /^Cannot send the message within 2 s: a new login takes too long/,
  });
  ok(clock.mono() <= 2_000 + 2 * limits.flightCheckMs, `took ${clock.mono()} ms`);
  client.close();
  await clock.until(other);
});
