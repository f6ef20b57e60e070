/**
 * Links between nodes over connections in memory, which can break and hang.
 *
 * @module
 */

import assert from "node:assert/strict";
import { settled } from "../support/hand_clock.ts";
import { type FakeNode, FakePeers } from "../support/fake_peers.ts";
import { ChatError } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import type { Message } from "../../src/raft/message.ts";
import { ZERO_TERM } from "../../src/raft/term.ts";

const message: Message = { kind: "leaveRequest", term: ZERO_TERM, configIndex: 1 };

/** The failure timeout of these peers. */
const T_MS = 1_000;

/** Nodes that know one another. */
async function cluster(...ids: string[]): Promise<{ peers: FakePeers; nodes: FakeNode[] }> {
  const peers = new FakePeers();
  const nodes = ids.map((id) => peers.start(id));
  for (const node of nodes) node.transport.setPeers(nodes.map((one) => one.member));
  await settled();
  return { peers, nodes };
}

Deno.test("transport: messages reach their peer, also those sent while its link is dialled", async () => {
  const peers = new FakePeers();
  const [a, b] = [peers.start("a"), peers.start("b")];
  a.transport.setPeers([a.member, b.member]);
  a.transport.send("b", message);
  await settled();
  a.transport.send("b", message);
  a.transport.send("a", message);
  a.transport.send("nobody", message);
  await settled();
  assert.deepEqual(b.received, [["a", 1, message], ["a", 1, message]]);
  assert.deepEqual(a.received, []);
  peers.close();
});

Deno.test("transport: each refused connection is told, at a quick pace, then a slower one", async () => {
  const { peers, nodes: [a, b] } = await cluster("a", "b");
  peers.kill(b!);
  await settled();
  await peers.clock.advance(4 * limits.redialMs);
  assert.ok(a!.refused.length >= 4, `${a!.refused.length}`);
  await peers.clock.advance(60_000);
  const before = a!.refused.length;
  await peers.clock.advance(1_000);
  assert.ok(a!.refused.length - before <= 1_000 / limits.redialSlowMs);
  peers.close();
});

Deno.test("transport: a node that came back is linked again as soon as it is heard of", async () => {
  const { peers, nodes: [a, b] } = await cluster("a", "b");
  peers.kill(b!);
  await peers.clock.advance(60_000);
  const again = peers.start("b", { incarnation: 2, previousIncarnation: 1 });
  again.transport.setPeers([a!.member, again.member]);
  await settled();
  a!.transport.send("b", message);
  await settled();
  assert.equal(again.received.length, 1);
  peers.close();
});

Deno.test("transport: one that is no member is answered while it has a link here", async () => {
  const { peers, nodes: [a] } = await cluster("a");
  const stranger = peers.start("s");
  stranger.transport.setPeers([a!.member]);
  await settled();
  a!.transport.send("s", message);
  await settled();
  assert.equal(stranger.received.length, 1);
  peers.kill(stranger);
  await peers.clock.advance(1_000);
  assert.deepEqual(a!.refused, []);
  peers.close();
});

Deno.test("transport: a member that moved is answered where it is now", async () => {
  const { peers, nodes: [a, b] } = await cluster("a", "b");
  peers.kill(b!);
  await settled();
  const moved = peers.start("b", {
    incarnation: 2,
    previousIncarnation: 1,
    address: "elsewhere:1",
  });
  moved.transport.setPeers([a!.member, moved.member]);
  await settled();
  a!.refused.length = 0;
  a!.transport.send("b", message);
  await peers.clock.advance(1_000);
  assert.equal(moved.received.length, 1);
  assert.deepEqual(a!.refused, []);
  peers.close();
});

Deno.test("transport: a member of another cluster is refused at both ends, with one line each", async () => {
  const peers = new FakePeers();
  const [a, b] = [peers.start("a"), peers.start("b", { clusterId: "another" })];
  a.transport.setPeers([b.member]);
  b.transport.setPeers([a.member]);
  await peers.clock.advance(3_000);
  a.transport.send("b", message);
  await settled();
  assert.deepEqual(b.received, []);
  for (const node of [a, b]) {
    const lines = node.lines.filter((line) => line.includes("belongs to cluster"));
    assert.ok(lines.length >= 1 && lines.length <= 2, lines.join("\n"));
  }
  assert.deepEqual([a.copied, b.copied], [0, 0]);
  peers.close();
});

Deno.test("transport: a joiner waits to know its cluster before it takes or refuses a link", async () => {
  const peers = new FakePeers();
  const a = peers.start("a");
  const joiner = peers.start("j", { clusterId: "" });
  a.transport.setPeers([joiner.member]);
  a.transport.send("j", message);
  await settled();
  assert.deepEqual(joiner.received, []);
  joiner.join("cluster-1");
  await settled();
  assert.equal(joiner.received.length, 1);
  peers.close();
});

Deno.test("transport: a copy of a running node's directory is refused and told so", async () => {
  const { peers, nodes: [a, b] } = await cluster("a", "b");
  const talking = peers.every(50, () => b!.transport.send("a", message));
  const copy = peers.start("b", { incarnation: 2, previousIncarnation: 1, address: "copy:1" });
  copy.transport.setPeers([a!.member]);
  await settled();
  await peers.clock.advance(T_MS + limits.olderStartAnswersMs);
  assert.equal(copy.copied, 1);
  assert.equal(b!.copied, 0);
  talking();
  peers.close();
});

Deno.test("transport: a node that dials anew while its copy waits is still running, member or not", async () => {
  const dialAnew = async (isMember: boolean, afterMs: number) => {
    const { peers, nodes: [a, b] } = await cluster("a", "b");
    // Nobody asks at the address of one that is no member whether it is there.
    if (!isMember) a!.transport.setPeers([a!.member]);
    const talking = peers.every(50, () => b!.transport.send("a", message));
    const copy = peers.start("b", { incarnation: 2, previousIncarnation: 1, address: "copy:1" });
    copy.transport.setPeers([a!.member]);
    await peers.clock.advance(afterMs);
    b!.transport.setPeers([]);
    await settled();
    b!.transport.setPeers([a!.member]);
    await peers.clock.advance(2 * (T_MS + limits.olderStartAnswersMs));
    const refused = [b!, copy].map((node) => node.copied > 0);
    assert.deepEqual(refused, [false, true], `${isMember}, after ${afterMs} ms`);
    talking();
    peers.close();
  };
  for (const isMember of [false, true]) {
    for (const afterMs of [0, limits.redialMs, T_MS - 100, T_MS + 100]) {
      await dialAnew(isMember, afterMs);
    }
  }
});

Deno.test("transport: a start right after a crash is no copy", async () => {
  const { peers, nodes: [a, b] } = await cluster("a", "b");
  b!.transport.send("a", message);
  // Its connection hangs: nobody has told the peer that the process died.
  peers.freeze(b!);
  const again = peers.start("b", { incarnation: 2, previousIncarnation: 1 });
  again.transport.setPeers([a!.member]);
  again.transport.send("a", message);
  await settled();
  await peers.clock.advance(T_MS + limits.olderStartAnswersMs);
  assert.equal(again.copied, 0);
  assert.deepEqual(a!.received.at(-1), ["b", 2, message]);
  peers.close();
});

Deno.test("transport: a start that a newer one has followed is refused, whoever is the copy", async () => {
  const { peers, nodes: [a, b] } = await cluster("a", "b");
  // Its links break for a moment, both ways, and in that moment the newer one comes.
  a!.transport.setPeers([]);
  b!.transport.setPeers([]);
  await settled();
  const newer = peers.start("b", { incarnation: 2, previousIncarnation: 1, address: "copy:1" });
  newer.transport.setPeers([a!.member]);
  await settled();
  b!.transport.setPeers([a!.member]);
  await settled();
  assert.deepEqual([b!.copied, newer.copied], [1, 0]);
  peers.close();
});

Deno.test("transport: a copy is refused though the original's own link is not up, where it answers", async () => {
  const { peers, nodes: [a, b] } = await cluster("a", "b");
  // As after a power cut, when the one dials for long and the other is through at once.
  b!.transport.setPeers([]);
  await settled();
  const copy = peers.start("b", { incarnation: 2, previousIncarnation: 1, address: "copy:1" });
  copy.transport.setPeers([a!.member]);
  await peers.clock.advance(limits.redialMs);
  b!.transport.setPeers([a!.member]);
  await settled();
  assert.deepEqual([b!.copied, copy.copied], [0, 1]);
  assert.match(copy.lines.join(), /copied or restored .* another start of it answers at b:2626/);
  b!.transport.send("a", message);
  a!.transport.send("b", message);
  await settled();
  assert.deepEqual([a!.received.length, b!.received.length], [1, 1], "and nobody else is harmed");
  peers.close();
});

Deno.test("transport: a copy that begins while its original waits to be taken does not overtake it", async () => {
  const { peers, nodes: [a, b] } = await cluster("a", "b");
  // It lost its power, came back, and is no member by now.
  peers.freeze(b!);
  a!.transport.setPeers([a!.member]);
  const again = peers.start("b", { incarnation: 2, previousIncarnation: 1 });
  again.transport.setPeers([a!.member]);
  await settled();
  await peers.clock.advance(T_MS);
  const copy = peers.start("b", { incarnation: 3, previousIncarnation: 2, address: "copy:1" });
  copy.transport.setPeers([a!.member]);
  for (let step = 0; step < 40 && again.copied + copy.copied === 0; step++) {
    again.transport.send("a", message);
    await peers.clock.advance(100);
  }
  assert.deepEqual([again.copied, copy.copied], [0, 1]);
  peers.close();
});

Deno.test("transport: an original that dials anew while it waits itself keeps its place before its copy", async () => {
  const { peers, nodes: [a, b] } = await cluster("a", "b");
  peers.freeze(b!);
  a!.transport.setPeers([a!.member]);
  const again = peers.start("b", { incarnation: 2, previousIncarnation: 1 });
  again.transport.setPeers([a!.member]);
  await settled();
  const copy = peers.start("b", { incarnation: 3, previousIncarnation: 2, address: "copy:1" });
  copy.transport.setPeers([a!.member]);
  await settled();
  again.transport.setPeers([]);
  await settled();
  again.transport.setPeers([a!.member]);
  for (let step = 0; step < 60 && again.copied + copy.copied === 0; step++) {
    again.transport.send("a", message);
    await peers.clock.advance(100);
  }
  assert.deepEqual([again.copied, copy.copied], [0, 1]);
  peers.close();
});

Deno.test("transport: one that moved is no copy, whatever became of its old address", async () => {
  const move = async (leave: (peers: FakePeers, b: FakeNode) => void, ms: number) => {
    const { peers, nodes: [a, b] } = await cluster("a", "b");
    leave(peers, b!);
    await settled();
    const moved = peers.start("b", { incarnation: 2, previousIncarnation: 1, address: "new:1" });
    moved.transport.setPeers([a!.member]);
    moved.transport.send("a", message);
    await peers.clock.advance(ms);
    assert.equal(moved.copied, 0);
    assert.deepEqual(a!.received, [["b", 2, message]]);
    peers.close();
  };
  await move((peers, b) => peers.kill(b), 0);
  await move((peers, b) => peers.freeze(b), T_MS + limits.olderStartAnswersMs);
  await move((peers, b) => {
    peers.kill(b);
    peers.start("c", { address: b.member.peerAddress });
  }, limits.redialMs);
});

Deno.test("transport: a restored directory, which forgot a start, is refused", async () => {
  const { peers, nodes: [a, b] } = await cluster("a", "b");
  peers.kill(b!);
  await settled();
  const second = peers.start("b", { incarnation: 5, previousIncarnation: 1 });
  second.transport.setPeers([a!.member]);
  await settled();
  peers.kill(second);
  await settled();
  const restored = peers.start("b", { incarnation: 9, previousIncarnation: 1 });
  restored.transport.setPeers([a!.member]);
  await settled();
  assert.equal(restored.copied, 1);
  peers.close();
});

Deno.test("transport: a replacement at a member's address does not get what was for the member", async () => {
  const { peers, nodes: [a, b] } = await cluster("a", "b");
  peers.kill(b!);
  await settled();
  const other = peers.start("c", { address: b!.member.peerAddress });
  await peers.clock.advance(2_000);
  a!.transport.send("b", message);
  await settled();
  assert.deepEqual(other.received, []);
  // A live process answers there: that is no sign that the member is gone.
  const before = a!.refused.length;
  await peers.clock.advance(2_000);
  assert.equal(a!.refused.length, before);
  peers.close();
});

Deno.test("transport: a replacement does not call itself by the name of the one before it", async () => {
  const { peers, nodes: [a, b] } = await cluster("a", "b");
  peers.kill(b!);
  await settled();
  const other = peers.start("c", { address: b!.member.peerAddress });
  // It catches up, and is at a config in which the member is still there.
  other.transport.setPeers([a!.member, b!.member, other.member]);
  await peers.clock.advance(10_000);
  assert.deepEqual(other.lines, []);
  assert.deepEqual(other.refused, []);
  other.transport.send("b", message);
  other.transport.send("a", message);
  await settled();
  assert.deepEqual(other.received, []);
  assert.equal(a!.received.length, 1);
  peers.close();
});

Deno.test("transport: presence is told on a new link and kept up, and ends with the link", async () => {
  const { peers, nodes: [a, b] } = await cluster("a", "b");
  const end = a!.presence.opened("ann");
  await peers.clock.advance(limits.presenceGatherMs);
  assert.ok(b!.presence.isOnline("ann"));
  end();
  a!.presence.opened("bob");
  await peers.clock.advance(limits.presenceGatherMs);
  assert.ok(!b!.presence.isOnline("ann") && b!.presence.isOnline("bob"));
  peers.kill(a!);
  await settled();
  assert.ok(!b!.presence.isOnline("bob"));
  peers.close();
});

Deno.test("transport: a link over which nothing comes is given up, and so is what it told", async () => {
  const { peers, nodes: [a, b] } = await cluster("a", "b");
  a!.presence.opened("ann");
  await peers.clock.advance(limits.presenceGatherMs);
  assert.ok(b!.presence.isOnline("ann"));
  peers.freeze(a!);
  await peers.clock.advance(limits.linkSilenceMsMax + limits.presenceGatherMs);
  assert.ok(!b!.presence.isOnline("ann"));
  peers.close();
});

Deno.test("transport: a snapshot that broke off with its link goes on where the member is now", async () => {
  const { peers, nodes: [a, b] } = await cluster("a", "b");
  const base = { index: 50, term: ZERO_TERM, checksum: "c", config: null };
  const asked: (readonly [string, number])[] = [];
  peers.snapshot = (address, { firstChunk }) => {
    asked.push([address, firstChunk]);
    const chunks = async function* () {
      yield new Uint8Array([firstChunk]);
      if (firstChunk > 0) return;
      await settled();
      throw new ChatError("NO_ANSWER", "The connection is closed");
    };
    const digest = () => "the digest";
    return Promise.resolve({ base, termStarts: [], rowsTotal: 2, chunks: chunks(), digest });
  };
  const fetch = await a!.transport.fetchSnapshot("b", new AbortController().signal);
  a!.transport.setPeers([a!.member, { ...b!.member, peerAddress: "elsewhere:1" }]);
  const chunks = Array.fromAsync(fetch.chunks);
  await settled();
  await peers.clock.advance(limits.snapshotResumeMs);
  assert.deepEqual(await chunks, [new Uint8Array([0]), new Uint8Array([1])]);
  assert.deepEqual(asked, [[b!.member.peerAddress, 0], ["elsewhere:1", 1]]);
  peers.close();
});
