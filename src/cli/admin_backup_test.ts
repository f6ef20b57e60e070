/**
 * Shows whom a backup is taken from, whom next when a member fails, and what is left when none
 * can; over members made up in memory, with real files.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { schemaVersion } from "../chat/schema.ts";
import { ChatError } from "../errors.ts";
import { DEFAULT_POLICY } from "../raft/state.ts";
import type { BackupHeader, BackupPart, StatusMember, StatusResponse } from "../rpc/api.ts";
import { adminCommand } from "./admin.ts";
import type { AdminConnection } from "./admin_cluster.ts";
import { fakeApi, status } from "./admin_test_trial.ts";
import { runProgram } from "./program.ts";

const term = { epoch: 0, number: 3, nodeId: "a" };
const rows = new TextEncoder().encode(
  '{"table":"accounts","columns":[]}\n["1","ann",null]\n{"table":"messages","columns":[]}\n[1]\n[2]\n',
);
const digest = createHash("sha256").update(rows).digest("hex");

function header(nodeId: string, changes: Partial<BackupHeader> = {}): BackupPart {
  const base = { index: 9, term, checksum: "c" };
  const about = { policy: DEFAULT_POLICY, schemaVersion, takenAtMs: 1, rowsTotal: 5 };
  return { kind: "header", clusterId: "k", nodeId, base, term, ...about, ...changes };
}

function parts(nodeId: string): BackupPart[] {
  return [
    header(nodeId),
    { kind: "chunk", number: 0, data: rows },
    { kind: "end", chunks: 1, digest },
  ];
}

/** How a member gives backups: each of its turns in order, the last one from then on. */
type Turn = () => Iterable<BackupPart>;

function breaks(nodeId: string, reason: ChatError["reason"]): Turn {
  return function* () {
    yield header(nodeId);
    throw new ChatError(reason, `${nodeId} broke`);
  };
}

interface Member {
  readonly id: string;
  readonly gives: readonly Turn[];
  readonly row?: Partial<StatusMember>;
}

interface Trial {
  readonly code: number;
  readonly json: readonly Record<string, unknown>[];
  readonly remarks: readonly string[];
  readonly errors: readonly string[];
  /** Who was asked, in order, and from which index on. */
  readonly asked: readonly string[];
  readonly files: readonly string[];
}

/** Takes a backup of the cluster, of which "a" leads. */
async function trial(members: readonly Member[], flags = ""): Promise<Trial> {
  const directory = mkdtempSync(join(tmpdir(), "jmessage-backup-"));
  const [json, remarks, errors, asked] = [[], [], [], []] as [
    Record<string, unknown>[],
    string[],
    string[],
    string[],
  ];
  const output = {
    line() {},
    json: (value: object) => void json.push(value as Record<string, unknown>),
    remark: (text: string) => void remarks.push(text),
  };
  const connect = (address: string) => connectionTo(address, { members, asked });
  const load = () => Promise.resolve(adminCommand({ connect, output }));
  const args = `admin backup ${join(directory, "f")} -s a:1 --json ${flags}`.trim().split(" ");
  try {
    const code = await runProgram(args, {
      commands: [{ name: "admin", summary: "look after a cluster", load }],
      onError: (line) => void errors.push(line),
    });
    return { code, json, remarks, errors, asked, files: readdirSync(directory) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function connectionTo(
  address: string,
  { members, asked }: { readonly members: readonly Member[]; readonly asked: string[] },
): AdminConnection {
  const self = members.find(({ id }) => `${id}:1` === address);
  const refuse = () => Promise.reject(new ChatError("NO_ANSWER", "refused"));
  if (self === undefined) throw new Error(`nobody is at ${address}`);
  const api = fakeApi({
    status: () =>
      self.row?.reachable === false ? refuse() : Promise.resolve(statusOf(self.id, members)),
    async *backup({ atLeastIndex }) {
      const turn = asked.filter((one) => one.startsWith(self.id)).length;
      asked.push(`${self.id} from ${atLeastIndex}`);
      yield* (self.gives[turn] ?? self.gives.at(-1)!)();
    },
  });
  return { ...api, close() {} };
}

function statusOf(self: string, members: readonly Member[]): StatusResponse {
  const rows: StatusMember[] = members.map(({ id, row }) => ({
    ...{ id, role: id === "a" ? "leader" : "follower", voter: true, term: "0.3.a" },
    ...{ clientAddress: `${id}:1`, peerAddress: `${id}:2`, incarnation: 1, reachable: true },
    ...{ lastIndex: 9, commitIndex: id === "a" ? 9 : 8, appliedIndex: 8 },
    ...row,
  }));
  return { ...status(self, rows), term: "0.3.a", tolerates: 1 };
}

const good = (id: string): Member => ({ id, gives: [() => parts(id)] });

Deno.test("admin backup: asks a follower, for what the leader has committed", async () => {
  const { code, json, asked, files } = await trial([good("a"), good("b"), good("c")]);
  assert.equal(code, 0);
  assert.deepEqual(asked, ["b from 9"]);
  assert.deepEqual(files, ["f"]);
  const { file, bytes, ...rest } = json[0]!;
  assert.ok(String(file).endsWith("/f") && Number(bytes) > rows.length);
  assert.deepEqual(rest, { clusterId: "k", node: "b", index: 9, accounts: 1, messages: 2, digest });
});

Deno.test("admin backup: asks the leader only if no other voter is there", async () => {
  assert.deepEqual((await trial([good("a")])).asked, ["a from 9"]);
  const away = { ...good("b"), row: { reachable: false } };
  assert.deepEqual((await trial([good("a"), away])).asked, ["a from 9"]);
  const learner = { ...good("b"), row: { voter: false } };
  assert.deepEqual((await trial([good("a"), learner])).asked, ["a from 9"]);
});

Deno.test("admin backup: a member that fails meanwhile is followed by the next", async () => {
  const bad: Member = { id: "b", gives: [breaks("b", "NO_ANSWER")] };
  const { code, json, asked, remarks, files } = await trial([good("a"), bad, good("c")]);
  assert.equal(code, 0);
  assert.deepEqual([asked, json[0]?.node], [["b from 9", "c from 9"], "c"]);
  assert.match(remarks.join("\n"), /b could not give the backup \(b broke\); asking again/);
  assert.deepEqual(files, ["f"], "of the first attempt nothing is left");
});

Deno.test("admin backup: when somebody else's backup runs it waits; other failures end it", async () => {
  const busy = breaks("b", "OVERLOADED");
  const later: Member = { id: "b", gives: [busy, busy, () => parts("b")] };
  assert.equal((await trial([good("a"), later])).asked.length, 3);
  const strange: Member = { id: "b", gives: [() => [header("b", { clusterId: "other" })]] };
  const { code, errors, files } = await trial([good("a"), strange], "--timeout 1");
  assert.equal(code, 1);
  assert.match(errors[0]!, /Cannot take the backup of b: it is of another cluster now/);
  assert.deepEqual(files, []);
});

Deno.test("admin backup: what comes without an end, or is not what it says, is no backup", async () => {
  const cut: Member = { id: "b", gives: [() => parts("b").slice(0, 2)] };
  const short = await trial([good("a"), cut], "--timeout 1");
  assert.match(short.errors[0]!, /Cannot take the backup of b: it ended too early/);
  const wrong = () => [...parts("b").slice(0, 2), { ...parts("b")[2]!, digest: "another" }];
  const { code, errors, files } = await trial([good("a"), { id: "b", gives: [wrong as Turn] }]);
  assert.equal(code, 1);
  assert.match(errors[0]!, /not what was written/);
  assert.deepEqual(files, []);
});

Deno.test("admin restore: tells what it made; a file that is none changes nothing", async () => {
  const directory = mkdtempSync(join(tmpdir(), "jmessage-backup-"));
  try {
    const file = join(directory, "f");
    writeFileSync(file, "no backup");
    const errors: string[] = [];
    const load = () => Promise.resolve(adminCommand());
    const data = join(directory, "d");
    const code = await runProgram(["admin", "restore", file, "--data", data], {
      commands: [{ name: "admin", summary: "look after a cluster", load }],
      onError: (line) => void errors.push(line),
    });
    assert.equal(code, 1);
    assert.match(errors[0]!, /^jmessage: Cannot use the backup .*: it is no backup of jmessage/);
    assert.ok(!existsSync(data));
  } finally {
    rmSync(directory, { recursive: true });
  }
});
