/**
 * Shows what the admin commands make of a cluster of which one member alone takes the token, that
 * of its data directory, and of one in which some do not answer.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ChatError } from "../errors.ts";
import type { AdminApi, CallContext, StatusMember, StatusResponse } from "../rpc/api.ts";
import { adminCommand } from "./admin.ts";
import { runProgram } from "./program.ts";

/** What `self` says: of itself what it knows, of others nothing but how far a leader sent them. */
function statusOf(self: string): StatusResponse {
  const members = ["a", "b", "c"].map((id): StatusMember => {
    const isOwn = id === self;
    return {
      ...{ id, role: id === "a" ? "leader" : "follower", voter: true, term: "1.2.a" },
      ...{ clientAddress: `${id}:1`, peerAddress: `${id}:2`, reachable: true, incarnation: 7 },
      lastIndex: isOwn || self === "a" ? 9 : 0,
      ...{ commitIndex: isOwn ? 9 : 0, appliedIndex: isOwn ? 8 : 0 },
    };
  });
  const policy = { quorum: "all", lastResort: true, livesByLastResort: false } as const;
  const about = { clusterId: "k", ...policy, missing: [], term: "1.2.a", leader: "a" };
  return { ...about, tolerates: 2, self, members };
}

function alone(): StatusResponse {
  const { members: [a, ...others], ...status } = statusOf("a");
  return { ...status, livesByLastResort: true, members: [a!], missing: others };
}

interface Cluster {
  /** Who takes the token "local-b" or "local-a" and so on: its own alone. */
  readonly isLocal: boolean;
  /** Who does not answer at all. */
  readonly silent?: readonly string[];
  /** "a" went on alone, by last resort. */
  readonly isAlone?: boolean;
}

function connectionTo(address: string, { isLocal, silent = [], isAlone }: Cluster) {
  const id = address.slice(0, 1);
  const check = ({ token }: CallContext) => {
    if (silent.includes(id)) throw new ChatError("NO_ANSWER", "gone");
    if (isLocal && token !== `local-${id}`) throw new ChatError("UNAUTHENTICATED", "another token");
  };
  const api: Partial<AdminApi> = {
    status: async (_request, context) => await (check(context), isAlone ? alone() : statusOf(id)),
    digest: async (_request, context) =>
      await (check(context), { id, appliedIndex: 9, digest: "d" }),
    transferLeadership: async (_request, context) =>
      await (check(context), { leader: "c", term: "1.3.c" }),
    rotateAdminToken: async (_request, context) => await (check(context), {}),
    // deno-lint-ignore require-yield
    backup: async function* (_request, context) {
      await (check(context), 0);
      throw new ChatError("CORRUPT", `${id} was asked`);
    },
  };
  return { ...api as AdminApi, close() {} };
}

interface Trial {
  readonly code: number;
  readonly lines: readonly string[];
  readonly json: readonly object[];
  readonly remarks: readonly string[];
  readonly error: string;
  readonly ms: number;
}

/** Runs a command that shows the local token of `node`. */
async function trial(command: string, node: string, cluster: Cluster): Promise<Trial> {
  const lines: string[] = [];
  const json: object[] = [];
  const remarks: string[] = [];
  let error = "";
  const output = {
    line: (text: string) => void lines.push(text),
    json: (value: object) => void json.push(value),
    remark: (text: string) => void remarks.push(text),
  };
  const connect = (address: string) => connectionTo(address, cluster);
  const load = () => Promise.resolve(adminCommand({ connect, output }));
  const data = await Deno.makeTempDir({ prefix: "jmessage-local-" });
  try {
    await Deno.writeTextFile(`${data}/local-token`, `local-${node}\n`);
    const args = `admin ${command.replace("FILE", `${data}/file`)} -s ${node}:1 --data ${data}`;
    const startedMs = Date.now();
    const code = await runProgram(args.split(" "), {
      commands: [{ name: "admin", summary: "look after a cluster", load }],
      onError: (line) => void (error = line),
    });
    return { code, lines, json, remarks, error, ms: Date.now() - startedMs };
  } finally {
    await Deno.remove(data, { recursive: true });
  }
}

Deno.test("admin status: what nobody told is no number", async () => {
  const { lines } = await trial("status", "a", { isLocal: true });
  assert.deepEqual(lines.join("\n").split("\n").slice(-4), [
    "ID  ROLE      VOTER  CLIENTS  PEERS  LAST  COMMITTED  APPLIED",
    "a   leader    yes    a:1      a:2       9          9        8",
    "b   follower  yes    b:1      b:2       9          -        -  does not accept this token",
    "c   follower  yes    c:1      c:2       9          -        -  does not accept this token",
  ]);
  const silent = await trial("status", "b", { isLocal: false, silent: ["a", "c"] });
  assert.deepEqual(silent.lines.join("\n").split("\n").slice(-3), [
    "a   leader    yes    a:1      a:2       -          -        -  answers others, but not this command",
    "b   follower  yes    b:1      b:2       9          9        8",
    "c   follower  yes    c:1      c:2       -          -        -  answers others, but not this command",
  ]);
  // Programs have numbers, as ever.
  const { json: [status] } = await trial("status --json", "a", { isLocal: true });
  const { members } = status as StatusResponse;
  assert.deepEqual(members.map(({ commitIndex }) => commitIndex), [9, 0, 0]);
});

const ADVICE = "not accept this token: a local one (--data) is good for its own node only; " +
  "give --token-file FILE or JMESSAGE_ADMIN_TOKEN";

Deno.test("admin: a local token where others must answer is refused at once, in one line", async () => {
  const commands = [
    ["digest", "b, c do"],
    ["wait --synced", "b, c do"],
    ["backup FILE", "b does"],
  ] as const;
  for (const [command, who] of commands) {
    const { code, error, remarks, ms } = await trial(command, "a", { isLocal: true });
    assert.deepEqual([code, error, remarks], [1, `jmessage: ${who} ${ADVICE}`, []], command);
    assert.ok(ms < 1_000, `${command} took ${ms} ms`);
  }
});

Deno.test("admin: what a leader must do is not asked again with another node's token", async () => {
  for (const command of ["token rotate", "token rotate --out FILE", "transfer"]) {
    const { code, error, ms } = await trial(command, "b", { isLocal: true });
    const text = `jmessage: The leader a (a:1) does ${ADVICE}, or ask the leader with the --data ` +
      "of its own, on its machine";
    assert.deepEqual([code, error], [1, text]);
    assert.ok(ms < 1_000, `${command} took ${ms} ms`);
  }
  assert.equal((await trial("token rotate", "a", { isLocal: true })).code, 0);
});

Deno.test("admin backup: of a follower by its own token, it says why the leader says nothing", async () => {
  const { remarks, error, ms } = await trial("backup FILE --timeout 2", "b", {
    isLocal: true,
  });
  assert.deepEqual(remarks.slice(0, 1), [
    "The leader a does not accept this token: what others have acknowledged lately may be " +
    "missing in the backup",
  ]);
  assert.match(error, /b was asked/);
  assert.ok(ms < 9_000, `it took ${ms} ms`);
});

Deno.test("admin digest: who did not answer is named, for people and for programs", async () => {
  const cluster = { isLocal: false, silent: ["a", "c"] };
  const { code, lines, remarks } = await trial("digest", "b", cluster);
  assert.deepEqual([code, remarks], [0, [
    "No digest came from a, c: not compared with the others",
  ]]);
  assert.match(lines.join("\n"), /^identical at index 9\n/);
  const forPrograms = await trial("digest --json", "b", cluster);
  const members = [{ id: "b", appliedIndex: 9, digest: "d" }];
  const missing = ["a", "c"];
  assert.deepEqual(forPrograms.json, [{ identical: true, appliedIndex: 9, members, missing }]);
  assert.deepEqual(forPrograms.remarks, remarks);
  assert.deepEqual((await trial("digest", "b", { isLocal: false })).remarks, []);
  const left = await trial("digest", "a", { isLocal: false, isAlone: true });
  assert.deepEqual([left.code, left.remarks], [0, [
    "No digest came from b, c: not compared with the others",
  ]]);
});
