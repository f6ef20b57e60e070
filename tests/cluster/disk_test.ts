/**
 * Disks that become nearly full under real processes: a lone node takes no writes, serves reads,
 * and takes writes again by itself, also those that wait; of three, a leader hands over and a
 * follower stays what it is.
 *
 * @module
 */

import assert from "node:assert/strict";
import { statfsSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { openChat } from "../../src/client/open.ts";
import { type ClusterNode, NodeCluster } from "../../src/cli/node_cluster.ts";
import { reserveOf } from "../../src/node/disk_reserve.ts";
import { limits } from "../../src/limits.ts";
import { canMount, mountSmall, NEEDS_MOUNTS, type SmallDisk } from "../storage/mounts.ts";
import { PROGRAM } from "./program.ts";
import { until } from "./wait.ts";
import { Writers } from "./writers.ts";

const MEGABYTES = 64;
const MORE_BYTES = 64 * 1024;
/** A call that asks a few times for room. */
const WAITS_MS = 3_000;
const PASSWORD = "a long enough password";

/** The disk of one node, which a test may fill to a little below its reserve. */
class NodeDisk {
  constructor(readonly path: string, readonly disk: SmallDisk) {}

  fillToReserve(): void {
    const { bavail, blocks, bsize } = statfsSync(this.path);
    const bytes = bavail * bsize - Math.floor(reserveOf(blocks * bsize) * 0.9);
    writeFileSync(join(this.path, "ballast"), new Uint8Array(bytes));
  }

  empty(): void {
    this.disk.empty();
  }

  /** Takes a little more room, so that another look at the disk sees another number. */
  takeMore(): void {
    writeFileSync(join(this.path, "more"), new Uint8Array(MORE_BYTES), { flag: "a" });
  }
}

/** A cluster whose node `a` has a small disk of its own. */
async function withDisk(
  nodes: readonly string[],
  run: (cluster: NodeCluster, disk: NodeDisk) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "jmessage-disk-" });
  const flags = ["--http", "127.0.0.1:0"];
  const cluster = new NodeCluster({ program: PROGRAM, directory, flags });
  const path = cluster.dataDirectory("a");
  await mkdir(path);
  const disk = await mountSmall(path, MEGABYTES);
  try {
    assert.ok(disk !== null);
    for (const id of nodes) await cluster.start(id);
    await run(cluster, new NodeDisk(path, disk));
  } finally {
    for (const { process } of cluster.processes) await process.end();
    await disk?.unmount();
    await cluster.close();
  }
}

function says(node: ClusterNode, text: RegExp): () => boolean {
  return () => node.process.log.some((line) => text.test(line));
}

function leads({ process, ready }: ClusterNode): boolean {
  return (process.role ?? ready).role === "leader";
}

/** Free bytes on the disk of a node, as it saw them at its newest look. */
async function freeBytes({ ready }: ClusterNode): Promise<number> {
  const response = await fetch(`http://${ready.http}/metrics`);
  const [, free] = /^jmessage_disk_free_bytes (\S+)$/m.exec(await response.text()) ?? [];
  return Number(free);
}

/** Resolves once the node has looked at its disk again. */
async function looksAgain(node: ClusterNode, disk: NodeDisk): Promise<void> {
  const before = await freeBytes(node);
  disk.takeMore();
  await until(async () => await freeBytes(node) <= before - MORE_BYTES, {
    what: "another look at the disk",
    ms: 5_000,
  });
}

const LOW = /The disk is nearly full, \d+ MiB free/;
const ROOM = /The disk has room again/;

const ignore = !await canMount();

Deno.test({
  name: `disk nearly full: a lone node refuses writes, and takes one that waits (${NEEDS_MOUNTS})`,
  ignore,
  fn: () =>
    withDisk(["a"], async (cluster, disk) => {
      const node = cluster.node("a");
      const client = openChat({ servers: cluster.addresses });
      try {
        await client.createAccount("ann", PASSWORD);
        await client.login("ann", PASSWORD);
        await client.send("ann", "before");
        disk.fillToReserve();
        await until(says(node, LOW), { what: "the warning", ms: 5_000 });
        const refused = {
          reason: "DISK_FULL",
          message: /nearly full, so it takes no writes: make/,
        };
        const begun = performance.now();
        await assert.rejects(client.send("ann", "refused", { timeoutMs: WAITS_MS }), refused);
        assert.ok(performance.now() - begun > limits.diskRetryMs, "it waits for room meanwhile");
        const bodies = async () => {
          const { messages } = await client.history({ with: "ann" });
          return messages.map(({ body }) => body);
        };
        assert.deepEqual(await bodies(), ["before"]);
        const waiting = client.send("ann", "after");
        disk.empty();
        await until(says(node, ROOM), { what: "that there is room", ms: 5_000 });
        await waiting;
        assert.deepEqual(await bodies(), ["before", "after"]);
        assert.equal(node.process.exit, undefined);
      } finally {
        client.close();
      }
    }),
});

Deno.test({
  name: `disk nearly full: a leader hands over, and no write fails (${NEEDS_MOUNTS})`,
  ignore,
  fn: () =>
    withDisk(["a", "b", "c"], async (cluster, disk) => {
      const a = cluster.node("a");
      await until(() => cluster.live.some(leads), { what: "a leader", ms: 5_000 });
      const servers = cluster.addresses;
      const writers = await Writers.start({ servers, senders: 2, perSecond: 40 });
      try {
        if (!leads(a)) await giveLead(cluster, "a");
        await writers.more(20, "while a leads");
        assert.ok(leads(a));
        disk.fillToReserve();
        await until(() => cluster.live.some((node) => node !== a && leads(node)), {
          what: "another one to lead",
          ms: 5_000,
        });
        // As a follower it stores on: under `all` nothing would be acknowledged without it.
        await writers.more(60, "while a has hardly any room");
        for (let looks = 0; looks < 2; looks++) await looksAgain(a, disk);
        assert.ok(!leads(a));
        assert.equal(a.process.exit, undefined);
        disk.empty();
        await until(says(a, ROOM), { what: "that there is room", ms: 5_000 });
        await giveLead(cluster, "a");
        await writers.more(20, "after it");
        const { unanswered } = await writers.stop();
        assert.deepEqual([writers.errors, unanswered], [[], []]);
      } finally {
        writers.close();
      }
    }),
});

async function giveLead(cluster: NodeCluster, to: string): Promise<void> {
  const servers = cluster.live.map(({ ready }) => ready.listen).join(",");
  const { command, args } = PROGRAM;
  const transfer = new Deno.Command(command, {
    args: [...args, "admin", "transfer", "--to", to, "--servers", servers],
    env: { JMESSAGE_ADMIN_TOKEN: cluster.adminToken ?? "" },
    stdout: "null",
    stderr: "piped",
  });
  const { success, stderr } = await transfer.output();
  assert.ok(success, new TextDecoder().decode(stderr));
}
