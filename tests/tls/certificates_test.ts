/**
 * Certificates while a node runs: when new ones are taken, what broken ones change, what the log
 * says of it, and which ones a node refuses to start with.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { limits } from "../../src/limits.ts";
import { Certificates } from "../../src/node/certificates.ts";
import { nodeConfig, type NodeOptions } from "../../src/node/config.ts";
import { createLogger } from "../../src/node/logger.ts";
import { startNode } from "../../src/node/node.ts";
import { Security } from "../../src/node/security.ts";
import { until } from "../cluster/wait.ts";
import { type CertificateFiles, TestCa, withDirectory } from "../support/certificates.ts";
import { HandClock } from "../support/hand_clock.ts";

const DAY_MS = 86_400_000;

/** Time stands still, at the machine's own date or another one. */
class DatedClock extends HandClock {
  date = Date.now();

  override wall(): number {
    return this.date;
  }
}

interface Watched {
  readonly certificates: Certificates;
  readonly clock: DatedClock;
  readonly lines: string[];
  readonly changes: () => number;
  /** Lets the next look at the files take place. */
  look(): Promise<void>;
}

/** Certificates in use, with the lines of their log. */
async function watched(
  files: CertificateFiles,
  test: (watched: Watched) => Promise<void>,
  clock = new DatedClock(),
): Promise<void> {
  const lines: string[] = [];
  const logger = createLogger({
    level: "info",
    format: "text",
    write: (line) => void lines.push(line.trimEnd().replace(/^\S+ /, "")),
  });
  const read = { flag: "peer-tls", ownCa: true } as const;
  const certificates = await Certificates.open({ of: "nodes", files, read, clock, logger });
  let changes = 0;
  certificates.onChange(() => changes += 1);
  const look = async () => {
    await clock.advance(limits.certificateLookMs);
    // The next one is planned when this one is over.
    await until(() => clock.timers >= 2, { what: "the look to be over", ms: 5_000 });
  };
  try {
    await test({ certificates, clock, lines, changes: () => changes, look });
  } finally {
    certificates.close();
    assert.equal(clock.timers, 0, "nothing goes on");
  }
}

Deno.test("certificates: new files are taken once they have settled, without being asked", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    await watched(await ca.node("n1", { days: 50 }), async (one) => {
      const first = one.certificates.expiresAtMs;
      await one.look();
      assert.equal(one.changes(), 0);
      const other = await ca.node("n1", { days: 90, name: "next" });
      await Deno.copyFile(other.cert, join(directory, "n1.crt"));
      // The certificate is there, its key is not yet.
      await one.look();
      await Deno.copyFile(other.key, join(directory, "n1.key"));
      await one.look();
      assert.equal(one.changes(), 0);
      await one.look();
      assert.equal(one.changes(), 1);
      assert.equal(Math.round((one.certificates.expiresAtMs - first) / DAY_MS), 40);
      assert.match(one.lines.join("\n"), /info {2}Certificates for nodes were read again/);
      assert.ok(!one.lines.some((line) => line.startsWith("error")), one.lines.join("\n"));
      await one.look();
      assert.equal(one.changes(), 1);
    });
  });
});

Deno.test("certificates: a broken file keeps the old ones, and is told once in one line", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    const files = await ca.node("n1");
    await watched(files, async (one) => {
      const before = one.certificates.current();
      await Deno.writeTextFile(files.cert, "this is no certificate");
      for (let looks = 0; looks < 5; looks++) await one.look();
      assert.equal(one.certificates.current(), before);
      const told = one.lines.filter((line) => line.startsWith("error"));
      assert.deepEqual(told, [
        `error Cannot use --peer-tls-cert ${files.cert}: there is no certificate in PEM in it; ` +
        "the certificates that were read before stay in use: put valid ones there",
      ]);
      await Deno.remove(files.key);
      await one.certificates.reload();
      assert.equal(one.certificates.current(), before);
      assert.match(one.lines.at(-1) ?? "", /n1\.key: there is no such file; the certificates that/);
      await ca.node("n1");
      await one.certificates.reload();
      assert.equal(one.changes(), 1);
      assert.notEqual(one.certificates.current(), before);
    });
  });
});

Deno.test("certificates: expired ones, or too early ones, change nothing while those in use are valid", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    const files = await ca.node("n1", { days: 20 });
    await watched(files, async (one) => {
      const before = one.certificates.current();
      await ca.node("n1", { days: -3 });
      for (let looks = 0; looks < 4; looks++) await one.look();
      await one.certificates.reload();
      assert.equal(one.certificates.current(), before);
      const told = () => one.lines.filter((line) => line.startsWith("error"));
      assert.equal(told().length, 2, "once for the look, once for who asked");
      const words =
        /^error Cannot use --peer-tls-cert \S+n1\.crt: it has expired on 2\d{3}-\S+; the /;
      for (const line of told()) assert.match(line, words);
      assert.match(told()[0] ?? "", /before stay in use: put valid ones there$/);
      assert.equal(one.changes(), 0);
    });
  });
});

Deno.test("certificates: what is not valid yet is taken as soon as it is", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    const clock = new DatedClock();
    const now = clock.date;
    clock.date -= 10 * DAY_MS;
    await watched(await ca.node("n1", { days: -3 }), async (one) => {
      await ca.node("n1", { days: 40 });
      for (let looks = 0; looks < 4; looks++) await one.look();
      const told = one.lines.filter((line) => line.startsWith("error"));
      assert.equal(told.length, 1);
      assert.match(
        told[0] ?? "",
        /n1\.crt: it is not valid before 2\d{3}-\S+: look at the clock; /,
      );
      assert.equal(one.changes(), 0);
      clock.date = now;
      await one.look();
      assert.equal(one.changes(), 1);
    }, clock);
  });
});

Deno.test("certificates: where those in use have expired themselves, what the files hold is taken", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    await watched(await ca.node("n1", { days: -3 }), async (one) => {
      await ca.node("n1", { days: -1 });
      await one.certificates.reload();
      assert.equal(one.changes(), 1);
    });
  });
});

Deno.test("certificates: the log warns each day of the last thirty, and says when it is over", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    const files = await ca.node("n1", { days: 32 });
    await watched(files, async ({ lines, clock }) => {
      const warnings = () => lines.filter((line) => !line.startsWith("info"));
      assert.match(
        lines[0] ?? "",
        /^info {2}TLS for nodes is on certificate=\S+n1\.crt until=2\d{3}-/,
      );
      const days: string[] = [];
      for (let day = 1; day <= 34; day++) {
        clock.date += DAY_MS;
        await clock.advance(DAY_MS);
        const told = warnings().splice(days.length);
        assert.ok(told.length <= 1, "once a day");
        days.push(...told);
      }
      assert.equal(days.length, 33);
      assert.match(days[0] ?? "", /^warn {2}The certificate \S+n1\.crt expires in 29 days, on /);
      assert.match(days[29] ?? "", /^warn .* expires in 0 days, on /);
      assert.match(days[32] ?? "", /^error .* has expired on .*: others refuse this node; replace/);
    });
  });
});

/** A start that must fail, and leave nothing behind. */
async function refusedStart(options: NodeOptions, message: RegExp, reason = "INVALID_ARGUMENT") {
  const ports = { listen: "127.0.0.1:0", peerListen: "127.0.0.1:0" };
  await assert.rejects(startNode({ ...ports, ...options }), { reason, message });
}

Deno.test("node tls: a certificate for another node is refused at the start, and later", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    const [n1, n2] = [await ca.node("n1"), await ca.node("n2")];
    const data = join(directory, "data");
    const message =
      /^Cannot use --peer-tls-cert .*n2\.crt: it is for node n2, and this is node n1$/;
    await refusedStart({ data, id: "n1", peerTls: n2 }, message);
    const client = await ca.operator("admin");
    await refusedStart({ data, id: "n1", peerTls: client }, /is for no node: it has no name urn:/);
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const logger = createLogger({ level: "info", format: "text", write });
    // A new node without an id has that of its certificate.
    const node = await startNode({
      data,
      listen: "127.0.0.1:0",
      peerListen: "127.0.0.1:0",
      peerTls: n1,
      logger,
    });
    try {
      assert.equal(node.id, "n1");
      await Deno.copyFile(n2.cert, n1.cert);
      await Deno.copyFile(n2.key, n1.key);
      await node.reloadCertificates();
      assert.match(lines.join(""), /it is for node n2, and this is node n1; the certificates that/);
    } finally {
      await node.stop();
    }
    await refusedStart({ data, peerTls: n2 }, message);
  });
});

Deno.test("node tls: the client port takes a certificate for another node, as its clients look at the host", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    const [n1, n2] = [await ca.node("n1"), await ca.node("n2")];
    const lines: string[] = [];
    const node = await startNode({
      data: join(directory, "data"),
      id: "n1",
      listen: "127.0.0.1:0",
      peerListen: "127.0.0.1:0",
      tls: n1,
      logger: createLogger({ level: "info", format: "text", write: (line) => lines.push(line) }),
    });
    try {
      await Deno.copyFile(n2.cert, n1.cert);
      await Deno.copyFile(n2.key, n1.key);
      await node.reloadCertificates();
      assert.match(lines.join(""), /Certificates for clients were read again/);
      assert.ok(!lines.some((line) => line.includes("stay in use")), lines.join(""));
    } finally {
      await node.stop();
    }
  });
});

Deno.test("node tls: who began anew after damage goes on with its certificate", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    const peerTls = await ca.node("n1");
    const security = await Security.open(nodeConfig({ peerTls }), new DatedClock());
    const { peers } = security;
    assert.ok(peers !== null);
    assert.ok(peers.speaksFor(["n1"], "n1"));
    assert.ok(peers.speaksFor(["n2", "n1"], "n1-20270101000000"));
    for (const id of ["n2", "n1-", "n1-2027", "n12-20270101000000", "", "N1"]) {
      assert.ok(!peers.speaksFor(["n1"], id), id);
    }
    assert.ok(!peers.speaksFor([], "n1"));
    security.claim("n1-20270101000000");
    security.close();
  });
});

Deno.test("node tls: beyond this machine there is no start without TLS, unless it is asked for", async () => {
  await withDirectory(async (directory) => {
    const files = await (await TestCa.make(directory)).node("n1");
    const here = { listen: "127.0.0.1:0", peerListen: "127.0.0.1:0" };
    const away = { listen: "10.0.0.1:1", peerListen: "10.0.0.1:2" };
    const refused = (options: NodeOptions, message: RegExp) =>
      assert.throws(() => nodeConfig(options), { reason: "INVALID_ARGUMENT", message });
    refused({ ...here, listen: away.listen }, /listen must be on this machine alone \(give --tls-/);
    refused(
      { ...here, peerListen: away.peerListen },
      /^Cannot .* peer-listen must be .*--peer-tls-/,
    );
    refused({ ...away, tls: files }, /peer-listen must be/);
    refused({ ...away, peerTls: files }, / listen must be/);
    for (const host of ["localhost.example.org", "128.0.0.1", "[::2]", "127.0.0.1.example.org"]) {
      refused({ ...here, listen: `${host}:1` }, /on this machine alone/);
    }
    for (const host of ["localhost", "127.1.2.3", "[::1]"]) nodeConfig({ listen: `${host}:1` });
    nodeConfig({ ...away, insecure: true });
    nodeConfig({ ...away, tls: files, peerTls: files });
    refused({ tls: { cert: files.cert } }, /tls-key must be given with --tls-cert/);
    refused({ tls: { ca: files.ca } }, /tls-cert must be given with --tls-ca/);
    const { cert, key } = files;
    refused({ peerTls: { cert, key } }, /peer-tls-ca must be given with --peer-tls-cert, --peer/);
  });
});
