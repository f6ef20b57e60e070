/**
 * Beginning anew after damage, against members that answer from a table: what is moved, when
 * nothing is, and that no crash on the way leaves a node that forgets whom it is to join.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { ChatError } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import {
  beginAnew,
  beginningOf,
  begun,
  succeeds,
  successorOf,
} from "../../src/node/beginning_anew.ts";
import { DEFAULT_POLICY, nodeConfig } from "../../src/node/config.ts";
import { openNode } from "../../src/node/opening.ts";
import { Security } from "../../src/node/security.ts";
import { ZERO_TERM } from "../../src/raft/term.ts";
import type { PeerClient, ProbeAnswer } from "../../src/rpc/peer_api.ts";
import { ASIDE_FILE, noteAside, readAside } from "../../src/storage/set_aside.ts";
import { HandClock } from "../support/hand_clock.ts";
import { contents, withState } from "../storage/data_directories.ts";
import { inDirectory, rejectsWith } from "../storage/temporary.ts";

/** Time passes as soon as somebody waits for it. */
class QuickClock extends HandClock {
  override after(ms: number, task: () => void): () => void {
    const cancel = super.after(ms, task);
    void this.advance(ms);
    return cancel;
  }
}

type Members = Readonly<Record<string, Pick<ProbeAnswer, "clusterId" | "leader">>>;

const leader = { id: "b", peerAddress: "b:1" };
const led: Members = { "b:1": { clusterId: "cluster-1", leader } };

function connectTo(members: Members): (address: string) => PeerClient {
  return (address) => {
    const known = members[address];
    return {
      probe: () =>
        known === undefined
          ? Promise.reject(new ChatError("NO_ANSWER", "refused"))
          : Promise.resolve({ ...known, nodeId: address, term: ZERO_TERM, policy: DEFAULT_POLICY }),
      join: () => assert.fail("Nobody is asked to take it in yet"),
      openLink: () => assert.fail("No link is opened"),
      fetchSnapshot: () => assert.fail("Nothing is fetched"),
      handOver: () => assert.fail("Nothing is handed over"),
      close: () => {},
    };
  };
}

/** Runs `body` on the directory of node `a` of `cluster-1`, stopped. */
async function onStopped(body: (data: string) => Promise<void>): Promise<void> {
  await inDirectory(async (data) => {
    await (await withState(data)).close();
    await body(data);
  });
}

function trial(data: string, members: Members, join: readonly string[] = ["b:1"]) {
  const clock = new QuickClock();
  const startedAt = clock.mono();
  const anew = beginAnew(nodeConfig({ data, join }), "Cannot use log.db: damaged", {
    connect: connectTo(members),
    clock,
  });
  return { anew, tookMs: () => clock.mono() - startedAt };
}

Deno.test("beginning anew: the old data moves, the new node knows its cluster and whom to join", async () => {
  await onStopped(async (data) => {
    const before = contents(data);
    const { config, clusterId } = await trial(data, led).anew;
    assert.match(config.id!, /^a-\d{14}$/);
    assert.equal(clusterId, "cluster-1");
    assert.deepEqual(config.join, ["b:1", "127.0.0.1:7000"]);
    const aside = readdirSync(data).find((name) => name.startsWith("damaged-"))!;
    assert.deepEqual(contents(join(data, aside)), before);
    assert.ok(!existsSync(join(data, "log.db")));

    // As after a crash: the next start goes on, whatever it is told, and founds nothing.
    const given = nodeConfig({ data, id: "a" });
    const clock = new HandClock();
    const options = { clock, security: await Security.open(given, clock) };
    const again = await openNode(given, options);
    assert.deepEqual(again.config.join, ["b:1", "127.0.0.1:7000"]);
    assert.equal(again.directory.identity.nodeId, config.id);
    assert.equal(again.directory.identity.clusterId, "cluster-1");
    await again.state.close();
    await again.directory.close();

    // Once it is a member it comes back by its own data, also under the id that it once had.
    await begun(config);
    const member = await openNode(given, options);
    assert.equal(member.directory.identity.nodeId, config.id);
    await member.state.close();
    await member.directory.close();
  });
});

const nobody: readonly (readonly [what: string, members: Members])[] = [
  ["nobody answers", {}],
  ["nobody leads", { "b:1": { clusterId: "cluster-1", leader: null } }],
  ["the leader is the one that is damaged", {
    "b:1": { clusterId: "cluster-1", leader: { id: "a", peerAddress: "127.0.0.1:7000" } },
  }],
  ["it is another cluster that has a leader", { "b:1": { clusterId: "cluster-2", leader } }],
];

for (const [what, members] of nobody) {
  Deno.test(`beginning anew: where ${what}, nothing moves and it ends in time`, async () => {
    await onStopped(async (data) => {
      const before = contents(data);
      const { anew, tookMs } = trial(data, members);
      const line = /log\.db: damaged; nothing was moved, as no member with a leader answered \(b:1/;
      await rejectsWith(anew, "CORRUPT", line);
      assert.deepEqual(contents(data), before);
      assert.ok(tookMs() >= limits.damageAskMsMax && tookMs() < 2 * limits.damageAskMsMax);
    });
  });
}

Deno.test("beginning anew: neither itself is asked nor port 0, which a restored config has", async () => {
  await onStopped(async (data) => {
    // Its own of old, as its data has it.
    const own = "127.0.0.1:7000";
    for (const addresses of [{ peerListen: own }, { peerAdvertise: own }]) {
      const asked: string[] = [];
      const connect = (address: string) => {
        asked.push(address);
        return connectTo({})(address);
      };
      const begin = (join: readonly string[]) => {
        const config = nodeConfig({ data, join, ...addresses });
        return beginAnew(config, "Damaged", { connect, clock: new QuickClock() });
      };
      await rejectsWith(begin(["b:1", "b:0", own]), "CORRUPT", /leader answered \(b:1\): start/);
      assert.deepEqual([...new Set(asked)], ["b:1"]);
      await rejectsWith(begin([]), "CORRUPT", /nothing was moved, as it knew no other member: /);
    }
  });
});

Deno.test("beginning anew: whose files cannot be told are left alone", async () => {
  await inDirectory(async (data) => {
    await Deno.writeFile(join(data, "log.db"), new Uint8Array(4_096).fill(7));
    const before = contents(data);
    await rejectsWith(trial(data, led).anew, "CORRUPT", /may be another program's files/);
    assert.deepEqual(contents(data), before);
  });
});

Deno.test("beginning anew: a crash between the moves is gone on from at the next start", async () => {
  await onStopped(async (data) => {
    const before = contents(data);
    const aside = {
      into: "damaged-1",
      nodeId: "a-20260101000000",
      clusterId: "cluster-1",
      addresses: ["b:1"],
      moved: false,
    };
    await noteAside(data, aside);
    mkdirSync(join(data, aside.into));
    renameSync(join(data, "log.db"), join(data, aside.into, "log.db"));
    const { config } = await beginningOf(nodeConfig({ data }));
    assert.equal(config.id, aside.nodeId);
    assert.deepEqual(contents(join(data, aside.into)), before);
    assert.equal((await readAside(data))?.moved, true);
    // What is new there now does not move.
    await Deno.writeTextFile(join(data, "log.db"), "new");
    await beginningOf(config);
    assert.equal(await Deno.readTextFile(join(data, "log.db")), "new");
  });
});

Deno.test("beginning anew: a note that was damaged is not believed", async () => {
  await onStopped(async (data) => {
    await Deno.writeTextFile(join(data, ASIDE_FILE), "{}\n0123456789abcdef\n");
    await rejectsWith(beginningOf(nodeConfig({ data })), "CORRUPT", /set-aside\.json: .*checksum/);
  });
});

Deno.test("beginning anew: an id gets a time, keeps its length, and stays known by its stem", () => {
  const at = Date.UTC(2026, 10, 26, 16, 5, 4);
  assert.equal(successorOf("n3", at), "n3-20261126160504");
  assert.equal(successorOf("n3-20250101000000", at), "n3-20261126160504");
  assert.equal(successorOf("x".repeat(64), at).length, 64);
  assert.ok(succeeds("n3-20261126160504", "n3"));
  assert.ok(!succeeds("n3", "n4") && !succeeds("n3-1", "n3") && !succeeds("n3", "n3-1"));
});
