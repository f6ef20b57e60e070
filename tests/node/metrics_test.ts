/**
 * The metrics of a node over parts that say what a test likes: each value at its name, and nothing
 * that grows with users.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { RoleChange } from "../../src/node/driver_api.ts";
import { Listeners } from "../../src/node/listeners.ts";
import { Metrics } from "../../src/node/metrics.ts";
import { ZERO_TERM } from "../../src/raft/term.ts";
import type { Role } from "../../src/raft/types.ts";
import { FakeDriver } from "../support/fake_driver.ts";
import { watched } from "../support/watched_metrics.ts";

Deno.test("metrics: gauges say what the parts say at that moment", async () => {
  const driver = await FakeDriver.open(1);
  const read = await watched(new Metrics(), { driver });
  const first = await read();
  const expected: Readonly<Record<string, number>> = {
    'jmessage_node_info{id="node-1",cluster="c"}': 1,
    'jmessage_role{role="leader"}': 1,
    'jmessage_role{role="follower"}': 0,
    "jmessage_ready": 1,
    "jmessage_leader_known": 1,
    "jmessage_term_number": 1,
    "jmessage_faults_tolerated": 1,
    'jmessage_members{kind="voter"}': 2,
    'jmessage_members{kind="learner"}': 0,
    'jmessage_member_lag_entries{member="node-2"}': 0,
    'jmessage_link_open{member="node-2"}': 1,
    'jmessage_link_queue_bytes{member="node-2"}': 17,
    'jmessage_queue_length{queue="passwords"}': 2,
    'jmessage_queue_length{queue="calls"}': 6,
    "jmessage_disk_free_bytes": 30,
    "jmessage_disk_total_bytes": 100,
    "jmessage_disk_low": 0,
    'jmessage_queue_limit{queue="proposal_bytes"}': 32 * 1024 * 1024,
    "jmessage_subscriptions": 3,
    "jmessage_sessions": 5,
    "jmessage_accounts_online": 4,
    'jmessage_connections{port="client"}': 9,
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(first.get(name), value, name);
  assert.ok((first.get("process_resident_memory_bytes") ?? 0) > 1e6);
  assert.ok((first.get("process_cpu_seconds_total") ?? 0) > 0);
  assert.ok(Math.abs(first.get("process_start_time_seconds")! - Date.now() / 1000) < 3_600);

  driver.leads = false;
  const later = await read();
  assert.equal(later.get('jmessage_role{role="leader"}'), 0);
  assert.equal(later.get('jmessage_role{role="follower"}'), 1);
  const lags = [...later.keys()].filter((name) => name.startsWith("jmessage_member_lag"));
  assert.deepEqual(lags, [], "who does not lead does not know");
});

Deno.test("metrics: without TLS no certificate expires", async () => {
  const name = "jmessage_certificate_expiry_timestamp_seconds";
  const without = await watched(new Metrics());
  assert.equal((await without()).has(name), false);
  const read = await watched(new Metrics(), { security: { expiresAtMs: 5_500 } });
  assert.equal((await read()).get(name), 5.5);
});

Deno.test("metrics: elections are counted by what the node becomes", async () => {
  const roles = new Listeners<[RoleChange]>();
  const fake = await FakeDriver.open(1);
  const metrics = new Metrics();
  const read = await watched(metrics, {
    driver: {
      status: () => fake.status(),
      queues: () => fake.queues(),
      onRole: (listener) => roles.add(listener),
    },
  });
  const change = (role: Role, leader: string | null) =>
    roles.tell({ role, leader, ready: true, term: ZERO_TERM });
  const course = [
    ["follower", "b"],
    ["follower", null],
    ["candidate", null],
    ["candidate", null],
    ["follower", "b"],
    ["candidate", null],
    ["leader", "a"],
    ["leader", "a"],
    ["follower", "c"],
  ] as const;
  for (const [role, leader] of course) change(role, leader);
  const page = await read();
  assert.equal(page.get("jmessage_campaigns_total"), 2);
  assert.equal(page.get("jmessage_elections_won_total"), 1);
  assert.equal(page.get("jmessage_leader_changes_total"), 2, "b, then a, then c");
});

Deno.test("metrics: times are counted in seconds, and errors by method and reason", async () => {
  const metrics = new Metrics();
  const read = await watched(metrics);
  metrics.appended(7, 20);
  metrics.synced(4);
  metrics.applied(new Array(6), new Map(), 30);
  metrics.checkpointed(40);
  metrics.committed(50);
  const path = "/jmessage.v1.ChatService/Login";
  metrics.called({ path, ms: 100, reason: null });
  metrics.called({ path, ms: 300, reason: "UNAUTHENTICATED" });
  metrics.called({ path: "/s/Stream", ms: null, reason: "SLOW_CONSUMER" });
  const page = await read();
  const sums = {
    jmessage_log_append_seconds_sum: 0.02,
    jmessage_log_appended_entries_total: 7,
    jmessage_log_fsync_seconds_sum: 0.004,
    jmessage_state_apply_seconds_sum: 0.03,
    jmessage_state_applied_entries_total: 6,
    jmessage_state_checkpoint_seconds_sum: 0.04,
    jmessage_proposal_seconds_sum: 0.05,
    'jmessage_rpc_seconds_sum{method="jmessage.v1.ChatService/Login"}': 0.4,
    'jmessage_rpc_seconds_count{method="jmessage.v1.ChatService/Login"}': 2,
    'jmessage_rpc_errors_total{method="jmessage.v1.ChatService/Login",reason="UNAUTHENTICATED"}': 1,
    'jmessage_rpc_errors_total{method="s/Stream",reason="SLOW_CONSUMER"}': 1,
  };
  for (const [name, value] of Object.entries(sums)) assert.equal(page.get(name), value, name);
  assert.equal(page.has('jmessage_rpc_seconds_count{method="s/Stream"}'), false);
});

Deno.test("metrics: a node that has not started says so", async () => {
  const page = await new Metrics().pages(() => false)["/metrics"]!();
  assert.deepEqual(page, { status: 503, body: "the node is starting\n" });
});
