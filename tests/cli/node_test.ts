/**
 * Shows what `jmessage node` says to a program that started it, and what signals and bad starts
 * do, through the real program.
 *
 * @module
 */

import assert from "node:assert/strict";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { openChat } from "../../src/client/open.ts";
import { NodeProcess } from "../../src/cli/node_process.ts";
import { until } from "../cluster/wait.ts";

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));
const PROGRAM = { command: Deno.execPath(), args: ["run", "--allow-all", CLI] };
const FREE_PORTS = ["--listen", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0"];

/** Runs `test` with a directory, and a way to start nodes that end with it. */
async function withNodes(
  test: (directory: string, start: (...flags: string[]) => NodeProcess) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "jmessage-node-test-" });
  const nodes: NodeProcess[] = [];
  const start = (...flags: string[]) => {
    const node = new NodeProcess({ program: PROGRAM, flags: [...FREE_PORTS, ...flags] });
    nodes.push(node);
    return node;
  };
  try {
    await test(directory, start);
  } finally {
    await Promise.all(nodes.map((node) => node.end()));
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("node: says when it serves and what it becomes; SIGTERM ends it well", async () => {
  await withNodes(async (directory, start) => {
    const node = start("--data", `${directory}/a`, "--id", "a", "--quorum", "majority");
    const ready = await node.ready;
    assert.deepEqual(Object.keys(ready), [
      ...["event", "id", "role", "listen", "peerListen", "clusterId", "quorum"],
    ]);
    assert.deepEqual([ready.id, ready.quorum], ["a", "majority"]);
    assert.match(ready.listen, /^127\.0\.0\.1:[1-9]\d*$/);
    assert.match(ready.clusterId, /^[0-9a-f-]{36}$/);
    const leads = () => (node.role?.role ?? ready.role) === "leader";
    await until(leads, { what: "the node to lead", ms: 10_000 });
    if (node.role !== undefined) {
      assert.deepEqual(Object.keys(node.role), ["event", "role", "term", "leader"]);
      assert.equal(node.role.leader, "a");
    }
    const told = performance.now();
    node.kill("SIGTERM");
    assert.deepEqual(await node.exited, { code: 0, signal: null });
    assert.ok(performance.now() - told < 5_000, "it stopped within 5 s");
  });
});

Deno.test("node: comes back with its data as the same node of the same cluster", async () => {
  await withNodes(async (directory, start) => {
    const first = start("--data", `${directory}/a`);
    const { id, clusterId } = await first.ready;
    await first.end();
    const second = await start("--data", `${directory}/a`).ready;
    assert.deepEqual([second.id, second.clusterId], [id, clusterId]);
  });
});

Deno.test("node: a second signal ends it at once, and that is a failure", async () => {
  await withNodes(async (directory, start) => {
    const leader = start("--data", `${directory}/a`, "--id", "a");
    const { peerListen } = await leader.ready;
    const follower = start("--data", `${directory}/b`, "--id", "b", "--join", peerListen);
    await follower.ready;
    // Nobody can let it go, so it would wait for its full time.
    leader.kill("SIGSTOP");
    follower.kill("SIGTERM");
    const stopping = () => follower.log.some((line) => line.includes("Stopping"));
    await until(stopping, { what: "the node to begin to stop", ms: 10_000 });
    follower.kill("SIGINT");
    assert.deepEqual(await follower.exited, { code: 1, signal: null });
    assert.match(follower.lastLine(), /told twice to stop$/);
  });
});

Deno.test("node: SIGHUP without certificates is one line in its log, and it goes on", async () => {
  await withNodes(async (directory, start) => {
    const node = start("--data", `${directory}/a`);
    await node.ready;
    const told = () => node.log.filter((line) => line.includes("SIGHUP")).length;
    for (const times of [1, 2]) {
      node.kill("SIGHUP");
      await until(() => told() === times, { what: "the line about SIGHUP", ms: 10_000 });
    }
    node.kill("SIGTERM");
    assert.deepEqual(await node.exited, { code: 0, signal: null });
  });
});

Deno.test("node: a start that cannot be is one line with a way out", async () => {
  await withNodes(async (directory, start) => {
    const data = `${directory}/a`;
    const { listen } = await start("--data", data).ready;
    await Deno.writeTextFile(`${directory}/file`, "");
    const cases: [string[], number, RegExp][] = [
      [["--data", data], 1, /data directory.*(in use|locked|another)/],
      [["--data", `${directory}/b`, "--listen", listen], 1, /Cannot listen on .*another port/],
      [["--data", `${directory}/b`, "--listen", "nowhere"], 2, /Must be HOST:PORT/],
      // Of no machine (RFC 5737).
      [
        ["--data", `${directory}/b`, "--listen", "203.0.113.7:2625", "--insecure"],
        1,
        /Cannot listen on 203.*Give an address of this machine/,
      ],
      [["--data", `${directory}/file`], 1, /data directory .*file: it is not a directory/],
      [["--data", `${directory}/c`, "--id", "a b"], 2, /id must be 1 to 64 of ASCII letters/],
      [["--data", `${directory}/d`, "--heartbeat-ms", "900"], 2, /at least 4 heartbeats/],
    ];
    for (const [flags, code, pattern] of cases) {
      const node = start(...flags);
      assert.equal((await node.exited).code, code, node.log.join("\n"));
      assert.match(node.lastLine(), pattern);
      assert.match(node.lastLine(), /^jmessage: /);
    }
  });
});

Deno.test({
  name: "node: with too few files that it may open it says so, and that it is no wrong usage",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const directory = await Deno.makeTempDir({ prefix: "jmessage-node-test-" });
    try {
      const { code, stderr } = await new Deno.Command("sh", {
        args: [
          ...["-c", 'ulimit -n 32; exec "$0" "$@"', PROGRAM.command, ...PROGRAM.args],
          ...["node", "--data", `${directory}/a`, ...FREE_PORTS],
        ],
        signal: AbortSignal.timeout(20_000),
      }).output();
      assert.match(
        new TextDecoder().decode(stderr),
        /^jmessage: Cannot run a node as .* only \d+ more files .*raise the limit \(ulimit -n\)\n$/,
      );
      assert.equal(code, 1);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test({
  name: "node: a file that is longer than it may be is a disk that failed, told in one line",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await withNodes(async (directory, start) => {
      const node = start("--data", `${directory}/a`);
      const { listen } = await node.ready;
      const limit = ["--fsize=4096", "--pid", String(node.pid)];
      assert.ok((await new Deno.Command("prlimit", { args: limit }).output()).success);
      const client = openChat({ servers: [listen] });
      try {
        await client.createAccount("ada", "a long password", { timeoutMs: 500 }).catch(() => {});
        assert.deepEqual(await node.exited, { code: 1, signal: null });
      } finally {
        client.close();
      }
      assert.match(
        node.lastLine(),
        /^\S+ error The node stops: Cannot use .*: the disk failed .*check the disk/,
      );
    });
  },
});

Deno.test("node: another policy than the cluster's is refused, to founders and joiners", async () => {
  await withNodes(async (directory, start) => {
    const founder = start("--data", `${directory}/a`);
    const { peerListen } = await founder.ready;
    const joiner = start("--data", `${directory}/b`, "--join", peerListen, "--quorum", "majority");
    assert.equal((await joiner.exited).code, 2);
    assert.match(joiner.lastLine(), /quorum must be left out or be the cluster's, all/);
    await founder.end();
    const changed = start("--data", `${directory}/a`, "--failure-timeout-ms", "2000");
    assert.equal((await changed.exited).code, 2);
    assert.match(changed.lastLine(), /failure-timeout-ms must be left out or be/);
  });
});

Deno.test("node: why it ended is one line of its log, in either format", async () => {
  await withNodes(async (directory, start) => {
    const { peerListen } = await start("--data", `${directory}/a`).ready;
    const wrong = ["--join", peerListen, "--quorum", "majority"];
    const quorum = /^The node stops: Cannot start the node as quorum must be left out or be/;
    const locked = /^Cannot use .*: another node is running on it/;
    const cases: [string, readonly string[], RegExp, number][] = [
      ["b", wrong, quorum, 2],
      ["a", [], locked, 1],
    ];
    for (const [data, flags, message, code] of cases) {
      for (const format of ["json", "text"]) {
        const node = start("--data", `${directory}/${data}`, "--log-format", format, ...flags);
        assert.equal((await node.exited).code, code, node.log.join("\n"));
        const text = (line: string) => line.replace(/^(\S+ error|jmessage:) /, "");
        const told = node.log.map((line) =>
          format === "json" ? JSON.parse(line).message : text(line)
        )
          .filter((line) => message.test(line) || /The node stops|must be left out/.test(line));
        assert.equal(told.length, 1, node.log.join("\n"));
        assert.match(told[0], message);
      }
    }
  });
});

Deno.test("node: its flags may come from variables", async () => {
  const directory = await Deno.makeTempDir({ prefix: "jmessage-node-test-" });
  const child = new Deno.Command(PROGRAM.command, {
    args: [...PROGRAM.args, "node", ...FREE_PORTS],
    env: { JMESSAGE_DATA: `${directory}/a`, JMESSAGE_ID: "from-variable", JMESSAGE_JSON: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  try {
    let text = "";
    const reading = child.stdout.pipeThrough(new TextDecoderStream()).pipeTo(
      new WritableStream({ write: (chunk) => void (text += chunk) }),
    );
    await until(() => text.includes("\n"), { what: "the first event", ms: 20_000 });
    assert.equal(JSON.parse(text.split("\n")[0] ?? "").id, "from-variable");
    process.kill(child.pid, "SIGINT");
    assert.equal((await child.status).code, 0);
    await reading;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
