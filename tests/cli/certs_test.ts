/**
 * Shows `jmessage admin certs init`, and how commands reach a cluster over TLS, through the real
 * program.
 *
 * @module
 */

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { NodeProcess } from "../../src/cli/node_process.ts";
import { readMaterial } from "../../src/tls/material.ts";
import { hostNamesOf } from "../../src/tls/names.ts";
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
    assert.deepEqual(Object.keys(made), ["directory", "expiresAt", "nodes", "ca", "admin"]);
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

Deno.test("certs issue: more nodes and newer certificates come from the CA that is there", async () => {
  await withDirectory(async (parent) => {
    const [old, next] = [join(parent, "certs"), join(parent, "next")];
    const certs = ["admin", "certs"];
    assert.equal((await run([...certs, "init", old, "--nodes", "n1"])).code, 0);
    const held = await Deno.readTextFile(join(old, "n1.crt"));
    const more = await run([
      ...certs,
      "issue",
      old,
      "--nodes",
      "n4",
      "--hosts",
      "10.0.0.4",
      "--json",
    ]);
    assert.equal(more.code, 0, more.stderr);
    const { nodes: [n4] } = JSON.parse(more.stdout);
    assert.deepEqual([n4.id, n4.hosts[0], await modeOf(n4.key)], ["n4", "10.0.0.4", "600"]);
    const again = await run([...certs, "issue", old, "--nodes", "n5,n1"]);
    assert.equal(again.code, 2, "as with --out");
    assert.match(
      again.stderr,
      /a file of that name is there in .*, and nothing is ever overwritten/,
    );
    assert.equal(await Deno.readTextFile(join(old, "n1.crt")), held);
    const names = [...Deno.readDirSync(old)].map(({ name }) => name).sort();
    assert.ok(!names.some((name) => name.startsWith("n5")), "all or nothing");
    const newer = await run([...certs, "issue", old, "--nodes", "n1", "--out", next]);
    assert.equal(newer.code, 0, newer.stderr);
    const ca = join(old, "ca.crt");
    for (const [directory, id] of [[old, "n4"], [next, "n1"]] as const) {
      const files = { cert: join(directory, `${id}.crt`), key: join(directory, `${id}.key`), ca };
      const material = await readMaterial(files, { flag: "peer-tls", ownCa: true });
      assert.deepEqual(material.nodes, [id]);
    }
    const none = await run([...certs, "issue", next, "--nodes", "n2"]);
    assert.deepEqual([none.code, none.stdout], [2, ""]);
    assert.match(none.stderr, /ca\.crt cannot be read \(ENOENT\)/);
    await Deno.copyFile(join(next, "n1.key"), join(next, "ca.key"));
    await Deno.copyFile(ca, join(next, "ca.crt"));
    const mixed = await run([...certs, "issue", next, "--nodes", "n2"]);
    assert.equal(mixed.code, 2);
    assert.match(mixed.stderr, /ca\.crt and ca\.key in .* are not as certs init makes them/);
  });
});

Deno.test("certs issue: a newer certificate is for the hosts of the old one, unless others are given", async () => {
  await withDirectory(async (parent) => {
    const old = join(parent, "certs");
    const certs = ["admin", "certs"];
    const hosts = "n1=chat.example.org,n1=10.0.0.1,n1=fd00:0::1:5,n2=10.0.0.2";
    const nodes = ["--nodes", "n1,n2"];
    assert.equal((await run([...certs, "init", old, ...nodes, "--hosts", hosts])).code, 0);
    const own = ["localhost", "127.0.0.1", "::1"];
    const issue = async (name: string, ...flags: readonly string[]) => {
      const out = ["--out", join(parent, name), "--json"];
      const { code, stdout, stderr } = await run([...certs, "issue", old, ...out, ...flags]);
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout).nodes.map((node: { hosts: readonly string[] }) => node.hosts);
    };
    const first = ["chat.example.org", "10.0.0.1", "fd00::1:5", "n1", ...own];
    const moved = await issue("moved", "--nodes", "n1,n2,n3", "--hosts", "n2=10.0.0.9");
    assert.deepEqual(moved, [first, ["10.0.0.9", "n2", ...own], ["n3", ...own]]);
    const { raw } = new X509Certificate(await Deno.readTextFile(join(parent, "moved", "n1.crt")));
    assert.deepEqual(hostNamesOf(raw), first);
    const all = await issue("all", ...nodes, "--hosts", "chat.example.org");
    assert.deepEqual(all[0], ["chat.example.org", "n1", ...own]);

    await Deno.writeTextFile(join(old, "n1.crt"), "no certificate");
    const broken = await run([...certs, "issue", old, ...nodes, "--out", join(parent, "broken")]);
    assert.deepEqual([broken.code, broken.stdout], [2, ""]);
    assert.match(broken.stderr, /the hosts in .*n1\.crt cannot be read; mend it, or move it away/);
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
      const own = ["--data", join(directory, "data")];
      const status = await run([
        "admin",
        "status",
        ...servers,
        ...own,
        "--json",
        "--tls-ca",
        ca.ca,
      ]);
      assert.equal(status.code, 0, status.stderr);
      const [member] = JSON.parse(status.stdout).members;
      assert.match(member.certificateExpiresAt, /^2\d{3}-\d\d-\d\dT/);
      const text = await run(["admin", "status", ...servers, ...own], { JMESSAGE_TLS_CA: ca.ca });
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

Deno.test("admin status: says of a member whose certificate has expired that this is why it is silent", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    const start = async (id: string, days: number, flags: readonly string[] = []) => {
      const { cert, key } = await ca.node(id, { days });
      const ports = ["--listen", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0"];
      const own = ["--id", id, "--data", join(directory, id), "--tls-cert", cert, "--tls-key", key];
      return new NodeProcess({ program: PROGRAM, flags: [...ports, ...own, ...flags] });
    };
    const nodes: NodeProcess[] = [];
    try {
      const first = await start("n1", 100);
      nodes.push(first);
      const { listen, peerListen } = await first.ready;
      const second = await start("n2", -1, ["--join", peerListen]);
      nodes.push(second);
      await second.ready;
      const flags = ["-s", listen, "--tls-ca", ca.ca];
      const env = { JMESSAGE_ADMIN_TOKEN: await first.adminToken };
      const { code, stdout, stderr } = await run(["admin", "status", ...flags], env);
      assert.equal(code, 0, stderr);
      assert.match(
        stdout,
        /^n2 .* does not answer: its certificate (is not .*, or )?has expired$/m,
      );
      assert.match(stdout, /^n1 .* 2\d{3}-\d\d-\d\d$/m);
    } finally {
      await Promise.all(nodes.map((node) => node.end()));
    }
  });
});
