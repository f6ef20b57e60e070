/**
 * Nodes join real clusters while messages flow: alone, two at once, and one that was away long
 * enough to have missed most of what there is.
 *
 * @module
 */

import assert from "node:assert/strict";
import { withCluster } from "./cluster.ts";
import { PROGRAM } from "./program.ts";

/** Messages a second that flow meanwhile. */
const FLOW = 200;
/** A join must not stop writes for longer, ms. */
const JOIN_PAUSE_MS_MAX = 2_000;

Deno.test("cluster of 2: a third joins while 200 messages a second flow", async () => {
  await withCluster({ nodes: 2, senders: 8, perSecond: FLOW }, async (test) => {
    await test.writers.more(FLOW, "before the join");
    test.writers.takePauseMs();
    await test.cluster.start("n3");
    await test.writers.more(FLOW, "after the join");
    assert.ok(test.writers.takePauseMs() < JOIN_PAUSE_MS_MAX, "the join did not stop writes");
    await test.prove(3);
  });
});

Deno.test("cluster of 2: an empty directory that goes by a member's name is refused, and the member goes on", async () => {
  await withCluster({ nodes: 2, senders: 2, perSecond: 50 }, async (test) => {
    const [first, second] = test.cluster.nodes;
    const data = `${test.cluster.dataDirectory(second!.id)}-again`;
    const anywhere = ["--listen", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0"];
    const { code, stderr } = await new Deno.Command(PROGRAM.command, {
      args: [...PROGRAM.args, "node", "--data", data, "--id", second!.id, ...anywhere].concat(
        "--join",
        first!.ready.peerListen,
      ),
      stdin: "null",
    }).output();
    assert.equal(code, 2);
    const text = new TextDecoder().decode(stderr);
    assert.match(text, /Cannot join as node n2 with an empty data directory: .*leave --id out/);
    const left = Array.from(Deno.readDirSync(data), ({ name }) => name);
    assert.deepEqual(left, ["lock.db"], "another id may be given with the same directory");
    await test.writers.more(50, "after it was refused");
    assert.equal(second!.process.exit, undefined, second!.process.log.slice(-3).join("\n"));
    await test.prove(2);
  });
});

Deno.test("cluster of 1: two join at once while messages flow", async () => {
  await withCluster({ nodes: 1, senders: 4, perSecond: FLOW }, async (test) => {
    await Promise.all([test.cluster.start("n2"), test.cluster.start("n3")]);
    await test.writers.more(50, "after the joins");
    await test.prove(3);
  });
});

Deno.test("cluster of 3: a node with old data catches up while 200 messages a second flow", async () => {
  await withCluster({ nodes: 3, senders: 8, perSecond: FLOW }, async (test) => {
    const follower = await test.follower();
    await test.kill(follower);
    await test.writers.more(3 * FLOW, "without it");
    await test.restart(follower);
    await test.writers.more(FLOW, "with it back");
    await test.prove(3);
  });
});
