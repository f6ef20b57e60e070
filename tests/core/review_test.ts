/**
 * Messages that come late, twice or from an earlier life, and edges of the memory window: each
 * scenario names the step in which a node once did more, or less, than the protocol says.
 *
 * @module
 */

import assert from "node:assert/strict";
import { EMPTY_BASE, RaftLog } from "../../src/raft/log.ts";
import type { VoteRequest } from "../../src/raft/message.ts";
import type { Entry, LogPosition, Term } from "../../src/raft/types.ts";
import { command, entryAfter, lastOf, receives, sends, sent, tailReply } from "./messages.ts";
import { scenario, settle, writes } from "./scenario.ts";

scenario("a voter that only pings the leader it voted for does not turn to another", {
  quorum: "majority",
}, [
  ["n3 begins to fetch a snapshot, and acknowledges nothing meanwhile", (c) => {
    settle(c);
    c.snapshotsHang = true;
    const last = lastOf(c, "n1");
    const { term } = last;
    const baseIndex = last.index + 9;
    const place = { from: "n1", baseIndex, termStarts: [], mark: null };
    receives(c, "n3", "n1", { kind: "snapshotNeeded", term, ...place });
  }],
  ["n1 hands over to n2, which leads by the votes of n1 and n3", (c) => {
    c.feed("n1", { kind: "transfer", id: 1, to: "n2" });
    c.until(() => c.leads("n2"));
    settle(c);
  }],
  ["n1 and n2 cannot hear each other; n3 still grants n2, which hears n3 no more", (c) => {
    c.partition(["n1"], ["n2"]);
    sends(c, "n1", "voteRequest");
    c.partition(["n3"], ["n2"], true);
    for (let ms = 0; ms < 2_000; ms++) {
      c.run(1);
      const reads = c.node("n2").core?.canRead({ mono: c.now, fast: c.now }) === true;
      const leads = c.node("n1").core?.status().role === "leader";
      assert.ok(!(reads && leads), "n2 serves reads while n1 leads");
    }
  }],
]);

scenario("a config that was held back for a candidate is forgotten when it follows again", {
  nodes: 4,
}, [
  ["n2 hears nothing of n1 and asks for pre-votes; n3 hands on a config without n4", (c) => {
    settle(c);
    c.partition(["n1"], ["n2"], true);
    const request = sends(c, "n2", "voteRequest");
    const prev = lastOf(c, "n2");
    const newest = c.node("n2").stored.configs.at(-1)?.config;
    assert.ok(newest !== undefined);
    const voters = newest.voters.filter((voter) => voter.id !== "n4");
    const entry = entryAfter(prev, prev.term, { kind: "config", config: { ...newest, voters } });
    receives(c, "n2", "n3", tailReply(request, entry, { prev, entries: [entry] }));
  }],
  ["n2 hears of n1 again, first a ping, and follows it", (c) => {
    const { term } = lastOf(c, "n1");
    const ping = {
      nonce: 1,
      asksLease: true,
      leads: true,
      term,
      suspects: [],
      side: null,
      cannotFollow: null,
    } as const;
    receives(c, "n2", "n1", { kind: "ping", ...ping });
    c.feed("n2", { kind: "tick", random: 0.5 });
    c.heal();
    c.run(5_000);
    writes(c, "a", "n1", "n2", "n3", "n4");
  }],
  ["n2 grants n4 its lease", (c) => {
    for (const effect of c.node("n2").effects.slice(-200)) {
      if (effect.kind !== "send" || effect.to !== "n4" || effect.message.kind !== "pong") continue;
      assert.equal(effect.message.granted, true);
    }
    assert.equal(c.node("n4").core?.status().ready, true);
  }],
]);

scenario("a leader counts no lease of an earlier term of its own", {}, [
  ["n1 hands over to n2, and gets it back at once", (c) => {
    settle(c);
    c.feed("n1", { kind: "transfer", id: 1, to: "n2" });
    while (!c.leads("n2")) c.run(1);
    c.feed("n2", { kind: "transfer", id: 1, to: "n1" });
    while (!c.leads("n1")) c.run(1);
  }],
  ["it reads only when somebody has granted it a lease in this term", (c) => {
    const canRead = () => c.node("n1").core?.canRead({ mono: c.now, fast: c.now }) === true;
    c.run(2);
    assert.equal(canRead(), false);
    c.until(canRead, 200);
  }],
]);

scenario("an answer to a ping of an earlier start is no grant to this one", { nodes: 2 }, [
  ["n1 restarts and pings n2, whose disk hangs with the answer", (c) => {
    settle(c);
    c.kill("n1");
    c.start("n1");
  }],
  ["n1 restarts once more; the answer to its first start comes", (c) => {
    const { nonce } = sends(c, "n1", "ping");
    const config = c.node("n1").stored.configs.at(-1);
    assert.ok(config !== undefined);
    c.kill("n1");
    c.start("n1");
    c.partition(["n1"], ["n2"]);
    sends(c, "n1", "ping");
    receives(c, "n1", "n2", {
      kind: "pong",
      nonce,
      promised: config.term,
      config,
      voter: true,
      certain: true,
      granted: true,
      leader: null,
    });
    assert.equal(c.node("n1").core?.status().certain, false);
  }],
]);

scenario("a voter that moves to the address of a dead one stays a voter", {}, [
  ["n3 dies for good; n2 restarts at its address", (c) => {
    settle(c);
    const { peerAddress } = c.node("n3").member;
    c.kill("n3");
    c.kill("n2");
    c.nodes.delete("n3");
    Object.assign(c.node("n2"), { member: { ...c.node("n2").member, peerAddress } });
    c.start("n2");
    c.node("n1").effects = [];
  }],
  ["no config leaves n2 out that n1 grants to", (c) => {
    c.until(() => c.node("n2").core?.status().ready === true, 20_000);
    c.run(3_000);
    for (const effect of c.node("n1").effects) {
      if (effect.kind !== "persist") continue;
      for (const entry of effect.entries) {
        if (entry.kind !== "config") continue;
        const ids = entry.config.voters.map((voter) => voter.id);
        assert.ok(ids.includes("n2"), `the voters were ${ids}`);
      }
    }
    writes(c, "a", "n1", "n2");
    const row = c.node("n1").core?.status().members.find((one) => one.member.id === "n2");
    assert.equal(row?.member.peerAddress, c.node("n2").member.peerAddress);
  }],
]);

scenario("a node that has just started holds a config back for everybody", { lastResort: false }, [
  ["n2 restarts; the first that it hears is a config without n3", (c) => {
    settle(c);
    c.kill("n2");
    c.start("n2");
    const prev = lastOf(c, "n2");
    const newest = c.node("n2").stored.configs.at(-1)?.config;
    assert.ok(newest !== undefined);
    const voters = newest.voters.filter((voter) => voter.id !== "n3");
    const config = { ...newest, voters, c0Index: 1 };
    const entry = entryAfter(prev, prev.term, { kind: "config", config });
    receives(c, "n2", "n1", {
      kind: "append",
      term: prev.term,
      prev,
      entries: [entry],
      commitIndex: 0,
      c0Index: 0,
      mark: null,
    });
    assert.equal(c.node("n2").core?.status().lastIndex, prev.index);
  }],
]);

Deno.test("log: everything in memory is cut, and what is below it on the disk", () => {
  const term: Term = { epoch: 0, number: 1, nodeId: "n1" };
  const entries: Entry[] = [];
  let last: LogPosition = EMPTY_BASE;
  for (const text of ["a", "b", "c", "d"]) {
    const entry = entryAfter(last, term, command(text));
    entries.push(entry);
    last = entry;
  }
  const [first, second] = entries;
  assert.ok(first !== undefined && second !== undefined);
  const newer: Term = { epoch: 0, number: 2, nodeId: "n2" };
  for (const previous of [second, first]) {
    const termStarts = [{ term, index: 1 }];
    const stored = { base: EMPTY_BASE, entries: entries.slice(2), termStarts, configs: [] };
    const log = new RaftLog(stored);
    log.truncate(previous.index + 1, previous);
    assert.equal(log.last.checksum, previous.checksum);
    assert.equal(log.lastIndex, previous.index);
    log.append(entryAfter(previous, newer, command("e")));
    assert.equal(log.lastIndex, previous.index + 1);
    assert.deepEqual(log.termAt(previous.index + 1), newer);
  }
});

scenario("a tail that begins at the base is read from the disk behind it", {}, [
  ["n2's log begins at a base and its memory later; n3's log ends at that base", (c) => {
    settle(c);
    for (const text of ["a", "b", "c"]) writes(c, text, "n1", "n2", "n3");
    const node = c.node("n2");
    const { entries } = node.stored;
    const base = entries.at(-3);
    const rest = entries.slice(-2);
    const config = node.stored.configs.at(-1);
    assert.ok(base !== undefined && config !== undefined);
    c.kill("n2");
    Object.assign(node.stored, { base: { ...base, config }, configs: [] });
    node.stored.entries = rest.slice(-1);
    c.start("n2");
    const { index, term } = base;
    const request: VoteRequest = {
      kind: "voteRequest",
      pre: true,
      term: { ...term, number: term.number + 1 },
      last: base,
      termStarts: node.stored.termStarts.filter((start) => start.index <= index),
      lastResort: false,
      everyPreVote: false,
      transferTerm: null,
    };
    node.effects = [];
    receives(c, "n2", "n3", request);
    const read = node.effects.find((effect) => effect.kind === "readLog");
    assert.ok(read?.kind === "readLog");
    assert.equal(read.from, index + 1);
    c.feed("n2", { kind: "logRead", request: read.request, entries: rest });
    const reply = sent(node.effects, "voteReply");
    assert.equal(reply?.tail?.prev.index, index);
    assert.equal(reply?.tail?.entries.length, 2);
  }],
]);

scenario("what is applied is not cut, however old the commit index on the disk is", {}, [
  ["n2 restarts with a commit index from long ago", (c) => {
    settle(c);
    for (const text of ["a", "b"]) writes(c, text, "n1", "n2", "n3");
    c.kill("n2");
    c.node("n2").stored.commitIndex = 1;
    c.start("n2");
  }],
  ["a leader of a history without the last write does not cut it", (c) => {
    const last = lastOf(c, "n2");
    const prev = c.node("n2").stored.entries.at(-2);
    assert.ok(prev !== undefined);
    const term: Term = { epoch: 1, number: last.term.number + 9, nodeId: "n3" };
    const entries = [entryAfter(prev, term, { kind: "noop" })];
    const append = { term, prev, entries, commitIndex: 1, c0Index: 1, mark: null } as const;
    receives(c, "n2", "n3", { kind: "append", ...append });
    c.run(5);
    assert.equal(lastOf(c, "n2").checksum, last.checksum);
  }],
]);

scenario("a snapshot does not take back a commit that is on its way to the disk", {
  quorum: "majority",
}, [
  ["n2 hears that a config is committed while its disk hangs", (c) => {
    settle(c);
    c.hangDisk("n2", 60_000);
    c.feed("n1", { kind: "join", id: 1, member: c.add(4).member });
    c.run(150);
  }],
  ["a snapshot of that very index has been built: it is not wanted", (c) => {
    const { entries, termStarts, configs } = c.node("n1").stored;
    const base = entries.at(-1);
    const config = configs.at(-1);
    assert.ok(base !== undefined && config !== undefined && config.index === base.index);
    assert.equal(c.node("n2").core?.status().lastIndex, base.index);
    const effects = c.feed("n2", {
      kind: "snapshotBuilt",
      base: { index: base.index, term: base.term, checksum: base.checksum, config },
      termStarts,
    });
    assert.ok(effects.every((effect) => effect.kind !== "persist"));
  }],
]);

scenario("what is being committed is not cut by another history", { quorum: "majority" }, [
  ["n2 hears that a config is committed while its disk hangs", (c) => {
    settle(c);
    c.hangDisk("n2", 400);
    c.feed("n1", { kind: "join", id: 1, member: c.add(4).member });
    c.run(150);
  }],
  ["a leader of a history without that config does not cut it", (c) => {
    const last = lastOf(c, "n1");
    const prev = c.node("n1").stored.entries.at(-2);
    assert.ok(prev !== undefined && last.kind === "config");
    assert.equal(c.node("n2").core?.status().lastIndex, last.index);
    const term: Term = { epoch: 1, number: last.term.number + 9, nodeId: "n3" };
    const entries = [entryAfter(prev, term, { kind: "noop" })];
    const append = { term, prev, entries, commitIndex: 1, c0Index: 1, mark: null } as const;
    receives(c, "n2", "n3", { kind: "append", ...append });
    c.run(400);
    assert.equal(lastOf(c, "n2").checksum, last.checksum);
  }],
]);

scenario("a leader's wish of an earlier term that a node may leave is void", {}, [
  ["n2 hears late that n1 once asked it to leave", (c) => {
    settle(c);
    const { term } = lastOf(c, "n2");
    const earlier: Term = { ...term, number: term.number - 1 };
    receives(c, "n2", "n1", { kind: "askToLeave", term: earlier });
  }],
  ["n2 stays as it is", (c) => {
    assert.equal(c.node("n2").core?.status().certain, true);
    c.run(500);
    assert.deepEqual(c.voters(), ["n1", "n2", "n3"]);
  }],
]);

scenario("an append that is refused at one place again and again is sent once an interval", {}, [
  ["n1 leads; n2 refuses whatever it sends, and says the same each time", (c) => {
    settle(c);
    c.partition(["n1"], ["n2"]);
    const { term } = lastOf(c, "n1");
    c.propose("what it lacks");
    c.node("n1").effects = [];
    for (let answer = 0; answer < 200; answer++) {
      receives(c, "n1", "n2", {
        kind: "appendReply",
        term,
        promised: term,
        ok: false,
        matchIndex: 0,
        commitIndex: 0,
        applied: null,
        snapshotIndex: 0,
      });
      c.run(1);
    }
  }],
  ["it is not sent as fast as it is refused", (c) => {
    const appends = c.node("n1").effects.filter((effect) =>
      effect.kind === "send" && effect.to === "n2" && effect.message.kind === "append"
    );
    assert.ok(appends.length <= 5, `There were ${appends.length} in 200 ms`);
  }],
]);

scenario("what comes behind a config that is held back is not sent as fast as it is refused", {
  nodes: 4,
}, [
  ["n1 hears nothing of n4, which the others hear: it drops it, and they hold that back", (c) => {
    settle(c);
    c.partition(["n4"], ["n1"], true);
    const dropped = () => {
      const { voters } = c.node("n1").stored.configs.at(-1)!.config;
      return !voters.some(({ id }) => id === "n4");
    };
    c.until(dropped, 2_000);
    c.node("n1").effects = [];
    for (let write = 0; write < 20; write++) {
      c.proposeAt("n1", `write ${write}`);
      c.run(5);
    }
  }],
  ["n2 is not sent all of it again with each of them", (c) => {
    const appends = c.node("n1").effects.filter((effect) =>
      effect.kind === "send" && effect.to === "n2" && effect.message.kind === "append"
    );
    assert.ok(appends.length <= 8, `There were ${appends.length} in 100 ms`);
  }],
  ["once n1 hears n4 again all of it is everywhere", (c) => {
    c.heal();
    c.until(() => c.applied("write 19", "n1", "n2", "n3"), 10_000);
  }],
]);
