/**
 * Tests of how long a read takes where nobody answers, against a cluster in memory. What members
 * answer is in `chat_client_test.ts`.
 *
 * @module
 */

import { ok, rejects } from "node:assert/strict";
import { limits } from "../limits.ts";
import { ChatClient } from "./chat_client.ts";
import { ManualClock } from "./client_test_clock.ts";
import { FakeCluster } from "./client_test_cluster.ts";

Deno.test("read: a call at members that hang ends in its time, whatever is asked first", async () => {
  for (const timeoutMs of [300, 500, 1_500]) {
    const servers = ["n1:1", "n2:1", "n3:1"];
    const clock = new ManualClock();
    const cluster = new FakeCluster(servers);
    for (const address of servers) cluster.node(address).hung = true;
    const client = new ChatClient({ servers, connect: cluster.connect, clock });
    await rejects(clock.until(client.cluster({ timeoutMs })), /no answer from n/);
    const mostMs = timeoutMs + 2 * limits.flightCheckMs;
    ok(clock.mono() <= mostMs, `took ${clock.mono()} ms of ${timeoutMs}`);
    client.close();
  }
});
