/**
 * The checksum's bytes, which every log on disk depends on, and what it must tell apart.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { EntryBody, Term } from "../raft/types.ts";
import { bodyBytes, bodyFrom, canonicalJson, chain, seal, verifyChain } from "./checksum.ts";

const term: Term = { epoch: 0, number: 3, nodeId: "a" };
const body = { kind: "command", data: new Uint8Array([1, 2]) } as const;
const policy = {
  quorum: "all",
  lastResort: true,
  heartbeatMs: 100,
  failureTimeoutMs: 1_000,
  isolationGraceMs: 3_000,
} as const;
const config: EntryBody = {
  kind: "config",
  config: {
    policy,
    voters: [],
    learners: [],
    tombstones: [],
    mark: null,
    c0Index: 0,
    leavers: [],
  },
};

Deno.test("chain: stays what it is, so that logs on disk stay readable", () => {
  assert.equal(chain("", 1, term, body), "0fae38fffcdf18045a899bbff2dd5039");
  assert.equal(chain("", 1, term, config), "45504f825358c2c71f63e591f300f8df");
});

Deno.test("chain: differs where any part of an entry differs", () => {
  const checksums = [
    chain("", 1, term, body),
    chain("0", 1, term, body),
    chain("", 2, term, body),
    chain("", 1, { ...term, epoch: 1 }, body),
    chain("", 1, { ...term, number: 4 }, body),
    chain("", 1, { ...term, nodeId: "b" }, body),
    chain("", 1, { ...term, nodeId: 'a"\ncommand' }, body),
    chain("", 1, term, { kind: "command", data: new Uint8Array([1, 3]) }),
    chain("", 1, term, { kind: "command", data: new Uint8Array([1]) }),
    chain("", 1, term, { kind: "noop" }),
    chain("", 1, term, config),
  ];
  assert.equal(new Set(checksums).size, checksums.length);
  assert.ok(checksums.every((checksum) => /^[0-9a-f]{32}$/.test(checksum)));
});

Deno.test("chain: a config's fields may come in any order", () => {
  const turned = Object.fromEntries(Object.entries(config.config).reverse());
  const same = { kind: "config", config: turned } as unknown as EntryBody;
  assert.equal(chain("", 1, term, same), chain("", 1, term, config));
});

Deno.test("verifyChain: names the first entry that does not follow", () => {
  const first = { index: 1, term, checksum: chain("", 1, term, body), ...body };
  const second = { index: 2, term, checksum: chain(first.checksum, 2, term, body), ...body };
  const base = { index: 0, term, checksum: "" };
  assert.equal(verifyChain(base, [first, second]), null);
  assert.equal(verifyChain(first, [second]), null);
  assert.equal(verifyChain(base, [second]), 1);
  assert.equal(verifyChain({ ...base, checksum: "0" }, [first, second]), 1);
  assert.equal(verifyChain(base, [first, { ...second, data: new Uint8Array([7]) }]), 2);
  assert.equal(verifyChain(base, [first, { ...second, index: 3 }]), 2);
});

Deno.test("canonicalJson: sorts keys at every depth and leaves undefined out", () => {
  const value = { b: [{ d: 1, c: null }], a: "x\n", e: undefined };
  assert.equal(canonicalJson(value), '{"a":"x\\n","b":[{"c":null,"d":1}]}');
});

Deno.test("bodies: come back from their bytes, and other bytes are refused", () => {
  for (const one of [body, config, { kind: "noop" } as const]) {
    assert.deepEqual(bodyFrom(one.kind, bodyBytes(one)), one);
  }
  assert.equal(bodyFrom("config", new Uint8Array([123])), null);
  assert.equal(bodyFrom("unheard", new Uint8Array(0)), null);
});

Deno.test("seal: tells where one part ends and the next begins", () => {
  assert.notEqual(seal("ab", "c"), seal("a", "bc"));
  assert.notEqual(seal(1), seal("1"));
});
