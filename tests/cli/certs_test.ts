/**
 * Shows `jmessage admin certs init`, and how commands reach a cluster over TLS, through the real
 * program.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { NodeProcess } from "../../src/cli/node_process.ts";
import { readMaterial } from "../../src/tls/material.ts";
import { PROGRAM } from "../cluster/program.ts";
import { TestCa, withDirectory } from "../support/certificates.ts";

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const { code, stdout, stderr } = await new Deno.Command(PROGRAM.command, {
    args: [...PROGRAM.args, ...args],
    stdin: "null",
    env: { NO_COLOR: "1", ...env },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function modeOf(path: string): Promise<string> {
  return ((await Deno.stat(path)).mode ?? 0).toString(8).slice(-3);
}

Deno.test("certs init: private keys are private, names are as asked, and JSON says where all is", async () => {
  await withDirectory(async (parent) => {
    const directory = join(parent, "certs");
    // One that is there may have been open to others.
    await Deno.mkdir(directory, { mode: 0o755 });
    const hosts = "chat.example.org,n1=10.0.0.1";
    const flags = ["--nodes", "n1,n_2", "--hosts", hosts, "--days", "30", "--json"];
    const { code, stdout, stderr } = await run(["admin", "certs", "init", directory, ...flags]);
    assert.deepEqual([code, stderr], [0, ""]);
    const made = JSON.parse(stdout);
    assert.deepEqual(Object.keys(made), ["directory", "expiresAt", "ca", "nodes", "admin"]);
    assert.deepEqual(made.nodes[0].hosts, [
      ...["chat.example.org", "10.0.0.1", "n1", "localhost", "127.0.0.1", "::1"],
    ]);
    // Not a host name.
    assert.ok(!made.nodes[1].hosts.includes("n_2"));
    const untilMs = Date.parse(made.expiresAt);
    assert.ok(Math.abs(untilMs - Date.now() - 30 * 86_400_000) < 60_000, made.expiresAt);
    assert.equal(await modeOf(directory), "700");
    for (const { key } of [made.ca, made.admin, ...made.nodes]) {
      assert.equal(await modeOf(key), "600", key);
    }
    const ca = made.ca.cert;
    for (const { id, cert, key } of made.nodes) {
      const material = await readMaterial({ cert, key, ca }, { flag: "peer-tls", ownCa: true });
      assert.deepEqual(material.nodes, [id]);
    }
    const { cert, key } = made.admin;
    const operator = await readMaterial({ cert, key, ca }, { flag: "peer-tls", ownCa: true });
    assert.deepEqual(operator.nodes, []);
  });
});

Deno.test("certs init: never overwrites, and refuses what cannot be right", async () => {
  await withDirectory(async (directory) => {
    const path = join(directory, "mine.txt");
    await Deno.writeTextFile(path, "mine");
    const cases: [readonly string[], RegExp][] = [
      [[directory, "--nodes", "n1"], /^jmessage: Cannot make certificates: .* is not empty, and/],
      [[path, "--nodes", "n1"], /^jmessage: Cannot make certificates: .* cannot be made or read/],
      [[join(directory, "a"), "--nodes", "n1", "--hosts", "n2=a.b"], /names node n2, which is not/],
      [[join(directory, "a"), "--nodes", "n1,../n2"], /Must be ids of ASCII letters, digits/],
      [[join(directory, "a"), "--nodes", "n1,ca"], /Must not be ca or admin/],
      [[join(directory, "a"), "--nodes", "n1,N1"], /Must not differ in upper and lower case/],
      [[join(directory, "a"), "--nodes", "n1", "--hosts", "a b"], /Must be host names or IP/],
    ];
    for (const [args, message] of cases) {
      const { code, stdout, stderr } = await run(["admin", "certs", "init", ...args]);
      assert.deepEqual([code, stdout], [2, ""], stderr);
      assert.match(stderr, message);
    }
    assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["mine.txt"]);
    assert.equal(await Deno.readTextFile(path), "mine");
  });
});

Deno.test("tls flags: commands trust the CA that they are told, by flag or by variable", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    const { cert, key } = await ca.node("n1");
    const ports = ["--listen", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0"];
    const tls = ["--tls-cert", cert, "--tls-key", key];
    const flags = ["--data", join(directory, "data"), ...ports, ...tls];
    const node = new NodeProcess({ program: PROGRAM, flags });
    try {
      const { listen } = await node.ready;
      const servers = ["-s", listen, "--timeout", "5"];
      const status = await run(["admin", "status", ...servers, "--json", "--tls-ca", ca.ca]);
      assert.equal(status.code, 0, status.stderr);
      const [member] = JSON.parse(status.stdout).members;
      assert.match(member.certificateExpiresAt, /^2\d{3}-\d\d-\d\dT/);
      const text = await run(["admin", "status", ...servers], { JMESSAGE_TLS_CA: ca.ca });
      assert.match(text.stdout, / {2}CERTIFICATE UNTIL\n.*2\d{3}-\d\d-\d\d\n$/);
      const state = { JMESSAGE_PASSWORD: "a long password", JMESSAGE_STATE_DIR: directory };
      const user = ["chat", ...servers, "--tls-ca", ca.ca, "-u", "ada", "register"];
      assert.equal((await run(user, state)).code, 0);
      const refused: [readonly string[], number, RegExp][] = [
        [[], 1, /it ended the connection at once; it may expect TLS/],
        [["--tls"], 1, /its certificate is not from a CA that is trusted here/],
        [["--tls-ca", key], 2, /Cannot use --tls-ca .*n1\.key: there is no certificate in PEM/],
        [["--tls-cert", cert], 2, /a certificate without its key: give --tls-cert and --tls-key/],
      ];
      for (const [args, code, message] of refused) {
        const ended = await run(["admin", "status", ...servers, ...args]);
        assert.equal(ended.code, code, ended.stderr);
        assert.match(ended.stderr, message);
      }
    } finally {
      await node.end();
    }
  });
});
