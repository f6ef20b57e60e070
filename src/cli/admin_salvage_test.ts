/**
 * What `jmessage admin salvage` prints and writes, over a cluster made up in memory; files are
 * real.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChatError } from "../errors.ts";
import type { AdminApi, PageRequest, SalvageRecord, StatusMember } from "../rpc/api.ts";
import { adminCommand } from "./admin.ts";
import { runProgram } from "./program.ts";

const NOON = Date.parse("2024-05-01T12:00:00.000Z");

function record(seq: number, changes: Partial<SalvageRecord> = {}): SalvageRecord {
  const who = { accountId: "id of ann", from: "ann", toAccountId: "id of bob", to: "bob" };
  const what = { kind: "sendMessage", body: `text ${seq}`, messageIds: [] };
  return {
    ...{ seq, requestId: `r${seq}`, ...who, ...what, acceptedAtMs: NOON },
    ...{ reason: "the receiver is deleted", acknowledged: true },
    ...changes,
  };
}

function member(id: string, appliedIndex: number): StatusMember {
  const indexes = { lastIndex: 9, commitIndex: 9, appliedIndex };
  const addresses = { clientAddress: `${id}:1`, peerAddress: `${id}:2` };
  return {
    ...{ id, role: "follower", voter: true, term: "1.2.a", ...addresses, ...indexes },
    ...{ reachable: true, incarnation: 7 },
  };
}

/** `a` is behind `b`, which has these pages. */
function cluster(pages: readonly (readonly SalvageRecord[] | ChatError)[], asked: PageRequest[]) {
  const refuse = () => Promise.reject(new ChatError("NO_LEADER", "Cannot connect: refused"));
  const status = (self: string) => () =>
    Promise.resolve({
      ...{
        clusterId: "k",
        quorum: "all",
        lastResort: true,
        livesByLastResort: false,
        missing: [],
      } as const,
      ...{ term: "1.2.a", leader: "a", tolerates: 1, self },
      members: [member("a", self === "b" ? 0 : 5), member("b", self === "a" ? 0 : 9)],
    });
  const listSalvaged = (request: PageRequest) => {
    asked.push(request);
    const number = Number(request.pageToken ?? 0);
    const page = pages[number] ?? [];
    if (page instanceof ChatError) return Promise.reject(page);
    const nextPageToken = number + 1 < pages.length ? String(number + 1) : "";
    return Promise.resolve({ records: page, nextPageToken });
  };
  const others = {
    digest: refuse,
    transferLeadership: refuse,
    removeMember: refuse,
    rotateAdminToken: refuse,
    async *backup() {},
  };
  const nodes: Record<string, AdminApi> = {
    "a:1": { ...others, status: status("a"), listSalvaged: refuse },
    "b:1": { ...others, status: status("b"), listSalvaged },
  };
  return (address: string) => ({ ...nodes[address]!, close() {} });
}

async function trial(
  pages: readonly (readonly SalvageRecord[] | ChatError)[],
  args: readonly string[],
) {
  const [lines, json, errors, asked]: [string[], object[], string[], PageRequest[]] = [
    [],
    [],
    [],
    [],
  ];
  const output = {
    line: (text: string) => void lines.push(...text.split("\n")),
    json: (value: object) => void json.push(value),
    remark() {},
  };
  const load = () => Promise.resolve(adminCommand({ connect: cluster(pages, asked), output }));
  const code = await runProgram(["admin", "salvage", ...args, "-s", "a:1"], {
    commands: [{ name: "admin", summary: "look after a cluster", load }],
    onError: (line) => void errors.push(line),
  });
  return { code, lines, json, errors, asked };
}

const first = {
  ...{ seq: 3, id: "r3", kind: "sendMessage", accountId: "id of ann", from: "ann" },
  ...{ toAccountId: "id of bob", to: "bob", body: "text 3", messageIds: [] },
  ...{ acceptedAt: "2024-05-01T12:00:00.000Z" },
  ...{ reason: "the receiver is deleted", acknowledged: true },
};

Deno.test("admin salvage: alone it lists, one record a line, from the member that has most", async () => {
  for (const args of [["--json"], ["list", "--json"]]) {
    const { code, json, errors, asked } = await trial([[record(3)], [record(4)]], args);
    assert.deepEqual([code, errors], [0, []]);
    assert.deepEqual(json, [first, { ...first, seq: 4, id: "r4", body: "text 4" }]);
    assert.deepEqual(asked.map(({ pageToken }) => pageToken), ["", "1"]);
  }
});

Deno.test("admin salvage: for people, a table that nobody's text can break", async () => {
  const { lines } = await trial([[
    record(3, { body: `\u001b[31m${"x".repeat(60)}` }),
    record(4, { from: null, kind: "login", toAccountId: null, to: null, body: null }),
    record(5, { kind: "acknowledge", to: null, toAccountId: null, messageIds: ["m", "n"] }),
    record(6, { kind: "createAccount", to: null, toAccountId: null, acknowledged: false }),
    record(7, { kind: "deleteAccount", to: null, body: "😀".repeat(50) }),
    record(8, { body: "😀".repeat(50) }),
  ]], []);
  const rows = lines.map((line) => line.replace(/^\d{4}-\d\d-\d\d \d\d:\d\d/, "WHEN"));
  assert.deepEqual(rows.map((line) => line.split(/ {2,}/)), [
    ["WHEN", "WHO", "TO", "WHAT", "WHY"],
    ["WHEN", "ann", "bob", `\\u{1b}[31m${"x".repeat(34)}…`, "the receiver is deleted"],
    ["WHEN", "id of ann", "(login)", "the receiver is deleted"],
    ["WHEN", "ann", "(acknowledgement of 2)", "the receiver is deleted"],
    ["WHEN", "ann", "(new account)", "the receiver is deleted (and it was never answered)"],
    ["WHEN", "ann", "id of bob", "(deletion of the account)", "the receiver is deleted"],
    ["WHEN", "ann", "bob", `${"😀".repeat(39)}…`, "the receiver is deleted"],
  ]);
});

Deno.test("admin salvage: where there is nothing it says so, and prints no JSON", async () => {
  assert.deepEqual((await trial([[]], [])).lines, ["nothing: every request was taken over"]);
  const { code, lines, json } = await trial([[]], ["--json"]);
  assert.deepEqual([code, lines, json], [0, [], []]);
});

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "jmessage-salvage-"));
  try {
    await test(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

Deno.test("admin salvage export: one JSON object a line, for its owner alone", async () => {
  await inFolder(async (folder) => {
    const file = join(folder, "out.jsonl");
    const pages = [[record(3), record(4, { body: "ü\n\u2028" })], [record(5)]];
    const { code, lines, errors } = await trial(pages, ["export", file]);
    assert.deepEqual([code, lines, errors], [0, [`3 records in ${file}`], []]);
    const text = await readFile(file, "utf8");
    assert.ok(text.endsWith("\n"));
    const objects = text.trimEnd().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(objects[0], first);
    assert.deepEqual(objects.map(({ seq, body }) => [seq, body]), [
      [3, "text 3"],
      [4, "ü\n\u2028"],
      [5, "text 5"],
    ]);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(folder), ["out.jsonl"]);
    const empty = await trial([[]], ["export", join(folder, "none"), "--json"]);
    assert.deepEqual(empty.json, [{ file: join(folder, "none"), records: 0 }]);
    assert.equal(await readFile(join(folder, "none"), "utf8"), "");
  });
});

Deno.test("admin salvage export: a file that is there is kept, unless it may be replaced", async () => {
  await inFolder(async (folder) => {
    const file = join(folder, "out.jsonl");
    await writeFile(file, "mine", { mode: 0o644 });
    const refused = await trial([[record(3)]], ["export", file]);
    assert.deepEqual([refused.code, refused.asked], [2, []]);
    assert.deepEqual(refused.errors, [
      `jmessage: Cannot write ${file} as there is such a file; ` +
      "name another one, or replace it with --overwrite",
    ]);
    assert.equal(await readFile(file, "utf8"), "mine");
    const replaced = await trial([[record(3)]], ["export", file, "--overwrite"]);
    assert.deepEqual(replaced.lines, [`1 record in ${file}`]);
    assert.deepEqual(JSON.parse(await readFile(file, "utf8")), first);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const device = await trial([[record(3)]], ["export", folder, "--overwrite"]);
    assert.deepEqual(device.errors, [
      `jmessage: Cannot write ${folder} as it is no plain file; name another one`,
    ]);
  });
});

Deno.test("admin salvage export: what breaks off in the middle leaves nothing behind", async () => {
  await inFolder(async (folder) => {
    const file = join(folder, "out.jsonl");
    await writeFile(file, "mine");
    const broken = new ChatError("NO_ANSWER", "No answer from b:1");
    const { code, errors } = await trial([[record(3)], broken], ["export", file, "--overwrite"]);
    assert.deepEqual([code, errors], [1, ["jmessage: No answer from b:1"]]);
    assert.deepEqual(await readdir(folder), ["out.jsonl"]);
    assert.equal(await readFile(file, "utf8"), "mine");
    const nowhere = join(folder, "none", "out.jsonl");
    const lost = await trial([[record(3)]], ["export", nowhere]);
    assert.deepEqual([lost.code, lost.asked], [2, []]);
    assert.deepEqual(lost.errors, [
      `jmessage: Cannot write ${nowhere}: there is no such file or directory; give another path`,
    ]);
  });
});
