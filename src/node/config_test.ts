/**
 * Options, their defaults and what is refused.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Policy } from "../raft/types.ts";
import {
  checkPolicy,
  DEFAULT_POLICY,
  foundingPolicy,
  nodeConfig,
  type NodeOptions,
} from "./config.ts";

Deno.test("config: what is left out has the default of the command line", () => {
  const { logger: _, ...config } = nodeConfig({});
  assert.deepEqual(config, {
    data: "./jmessage-data",
    id: null,
    listen: "127.0.0.1:2625",
    peerListen: "127.0.0.1:2626",
    advertise: null,
    peerAdvertise: null,
    join: [],
    policy: {},
    originalApi: false,
    reflection: false,
    http: null,
    tls: null,
    peerTls: null,
    clusterSecretFile: null,
    sessionIdleMs: 30 * 86_400_000,
    passwordCost: { N: 131_072, r: 8, p: 1 },
  });
  assert.deepEqual(foundingPolicy({}), {
    quorum: "all",
    lastResort: true,
    heartbeatMs: 100,
    failureTimeoutMs: 1_000,
    isolationGraceMs: 3_000,
  });
});

Deno.test("config: the isolation grace follows the failure timeout unless it is given", () => {
  assert.equal(foundingPolicy({ failureTimeoutMs: 2_000 }).isolationGraceMs, 6_000);
  const given = { failureTimeoutMs: 2_000, isolationGraceMs: 2_000 };
  assert.equal(foundingPolicy(given).isolationGraceMs, 2_000);
});

Deno.test("config: what is served at one address is not served at another one's", () => {
  const one = "127.0.0.1:2700";
  const cases = [
    [{ listen: one, peerListen: one }, /peer-listen must be another address than --listen: .*2700/],
    [{ listen: "localhost:1", peerListen: "LOCALHOST:1" }, /another address than --listen/],
    [{ listen: "127.0.0.1:2626" }, /peer-listen must be another address than --listen/],
    [{ peerListen: one, http: one }, /http must be another address than --peer-listen/],
  ] as const;
  for (const [options, message] of cases) {
    assert.throws(() => nodeConfig(options), { reason: "INVALID_ARGUMENT", message });
  }
  nodeConfig({ listen: "127.0.0.1:0", peerListen: "127.0.0.1:0", http: "127.0.0.1:0" });
  nodeConfig({ listen: "127.0.0.1:2700", peerListen: "127.0.0.2:2700" });
});

Deno.test("config: a policy that cannot work is refused", () => {
  const wrong: readonly Partial<Policy>[] = [
    { heartbeatMs: 0 },
    { heartbeatMs: 1.5 },
    { failureTimeoutMs: 399 },
    { heartbeatMs: 300 },
    { isolationGraceMs: 999 },
    { failureTimeoutMs: NaN },
  ];
  for (const policy of wrong) {
    const refused = () => foundingPolicy(policy);
    assert.throws(refused, { reason: "INVALID_ARGUMENT" }, JSON.stringify(policy));
  }
});

Deno.test("config: a policy that is given must be the cluster's, each part of it", () => {
  checkPolicy({}, DEFAULT_POLICY);
  checkPolicy(DEFAULT_POLICY, DEFAULT_POLICY);
  const others: Policy = {
    quorum: "majority",
    lastResort: false,
    heartbeatMs: 1,
    failureTimeoutMs: 2,
    isolationGraceMs: 3,
  };
  for (const name of Object.keys(others) as (keyof Policy)[]) {
    const wanted = { [name]: others[name] };
    assert.throws(() => checkPolicy(wanted, DEFAULT_POLICY), { reason: "INVALID_ARGUMENT" }, name);
  }
  assert.throws(
    () => checkPolicy({ lastResort: false }, DEFAULT_POLICY),
    /last-resort must be left out or be the cluster's, on: .*current value is off$/,
  );
});

Deno.test("config: options that are no ids or addresses are refused by name", () => {
  const join = new Array(100).fill("127.0.0.1:1");
  const wrong = [
    ...[{ id: "" }, { id: "a/b" }, { listen: "here" }, { peerListen: ":" }, { join }],
    ...[{ advertise: "here" }, { advertise: "a.example:0" }, { peerAdvertise: "a.example:0" }],
    ...["0.0.0.0:2625", "[::]:2625"].map((listen) => ({ listen, insecure: true })),
    ...[{ peerListen: "[::]:2626", insecure: true }, { advertise: "0.0.0.0:1" }],
  ];
  for (const options of wrong) {
    const refused = () => nodeConfig(options);
    assert.throws(refused, { reason: "INVALID_ARGUMENT" }, JSON.stringify(options));
  }
});

Deno.test("config: the HTTP port is on this machine alone, unless there is TLS or it is meant", () => {
  const http = "10.0.0.1:9090";
  assert.throws(() => nodeConfig({ http }), {
    reason: "INVALID_ARGUMENT",
    field: "http",
    message: /http must be on this machine alone \(give --tls-cert and --tls-key, or --insecure\)/,
  });
  assert.throws(() => nodeConfig({ http: "9090" }), { field: "http" });
  assert.equal(nodeConfig({ http, insecure: true }).http, http);
  assert.equal(nodeConfig({ http, tls: { cert: "c", key: "k" } }).http, http);
  assert.equal(nodeConfig({ http: "127.0.0.1:0" }).http, "127.0.0.1:0");
});

Deno.test("config: beyond this machine a port needs TLS, the peer port a secret, or an operator's word", () => {
  const beyond = { peerListen: "10.0.0.1:2626" };
  const files = { cert: "c", key: "k", ca: "a" };
  const enough = [
    { ...beyond, clusterSecretFile: "s" },
    { ...beyond, peerTls: files },
    { ...beyond, insecure: true },
    { listen: "10.0.0.1:2625", tls: files },
  ];
  for (const options of enough) assert.ok(nodeConfig(options));
  const wrong = [beyond, { ...beyond, tls: files }, {
    listen: "10.0.0.1:2625",
    clusterSecretFile: "s",
  }];
  for (const options of wrong) {
    assert.throws(() => nodeConfig(options), { message: /must be on this machine alone/ });
  }
});

Deno.test("config: a node that would join itself alone is refused, whichever way it is reached", () => {
  const refused = (options: NodeOptions) =>
    assert.throws(() => nodeConfig(options), {
      reason: "INVALID_ARGUMENT",
      field: "join",
      message: /^Cannot start the node as join must name another node than this one .*: current /,
    });
  refused({ join: ["127.0.0.1:2626"] });
  refused({ peerListen: "127.0.0.1:7", join: ["127.0.0.1:7", "127.0.0.1:7"] });
  const moved = { peerListen: "127.0.0.1:7", peerAdvertise: "10.0.0.1:9" };
  refused({ ...moved, join: ["10.0.0.1:9", "127.0.0.1:7"] });
  assert.equal(nodeConfig({ ...moved, join: ["10.0.0.1:9", "10.0.0.2:9"] }).join.length, 2);
});
