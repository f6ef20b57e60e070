/**
 * Shows what the admin commands print and how they end, over clusters made up in memory.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { ChatError } from "../errors.ts";
import type { CallContext } from "../rpc/api.ts";
import { adminCommand } from "./admin.ts";
import { answers, fakeApi, member, status, trial } from "./admin_test_trial.ts";

Deno.test("admin status: each row is what that member says, the rest the leader's view", async () => {
  const nodes = {
    "a:1": answers("a", [
      member("a", { certificateExpiresAtMs: 2_000_000_000_000 }),
      member("b", { appliedIndex: 3 }),
      member("c", { reachable: false }),
    ]),
    "b:1": answers("b", [
      member("a", { lastIndex: 5 }),
      member("b", { appliedIndex: 8, voter: false }),
    ]),
  };
  const { code, json, open } = await trial(nodes, "admin status --json -s b:1,x:1");
  assert.deepEqual([code, open], [0, 0]);
  assert.deepEqual(json, [{
    clusterId: "k",
    quorum: "all",
    lastResort: true,
    livesByLastResort: false,
    term: "1.2.a",
    leader: "a",
    tolerates: 2,
    members: [
      { ...member("a"), certificateExpiresAt: "2033-05-18T03:33:20.000Z" },
      { ...member("b", { appliedIndex: 8 }), certificateExpiresAt: null },
      { ...member("c", { reachable: false }), certificateExpiresAt: null },
    ].map(({ certificateExpiresAtMs: _, ...one }) => one),
  }]);
});

Deno.test("admin status: for people, a few lines and a table", async () => {
  const nodes = { "a:1": answers("a", [member("a"), member("b", { reachable: false })]) };
  const { lines } = await trial(nodes, "admin status -s a:1");
  assert.deepEqual(lines.join("\n").split("\n"), [
    "cluster  k",
    "quorum   all, last resort on",
    "leader   a in term 1.2.a",
    "survives 2 more faults right now",
    "",
    "ID  ROLE      VOTER  CLIENTS  PEERS  LAST  COMMITTED  APPLIED",
    "a   leader    yes    a:1      a:2       9          9        9",
    "b   follower  yes    b:1      b:2       9          9        9  does not answer",
  ]);
});

Deno.test("admin status: without a leader, what writes wait for", async () => {
  const silent = member("b", { reachable: false });
  const texts = [
    [
      [member("a"), silent],
      /^writes wait for a leader, perhaps until b \(b:2\) is back; if gone for /m,
    ],
    [
      [member("a"), { ...silent, voter: false }],
      /^writes wait for a leader, which is being elected$/m,
    ],
  ] as const;
  for (const [members, text] of texts) {
    const now = { ...status("a", members), leader: "", tolerates: 0 };
    const { lines } = await trial(
      { "a:1": { status: () => Promise.resolve(now) } },
      "admin status -s a:1",
    );
    assert.match(lines.join("\n"), text);
  }
});

Deno.test("admin status: who gives no answer here though others hear it has a note, and why", async () => {
  const cause = new ChatError("PERMISSION_DENIED", "its certificate has expired");
  const fails = (error: ChatError) => ({ status: () => Promise.reject(error) });
  const nodes = {
    "a:1": answers("a", [member("a"), member("b"), member("c")]),
    "b:1": fails(new ChatError("NO_ANSWER", "No answer from b:1", { cause })),
    "c:1": fails(new ChatError("NO_ANSWER", "No answer from c:1")),
  };
  const { lines } = await trial(nodes, "admin status -s a:1");
  assert.match(lines.join("\n"), /^b .* does not answer: its certificate has expired$/m);
  assert.match(lines.join("\n"), /^c .* answers others, but not this command$/m);
});

Deno.test("admin status: who is missing is named while the cluster lives by last resort", async () => {
  const b = { id: "b", peerAddress: "b:2" };
  const c = { id: "c", peerAddress: "c:2" };
  const texts = [
    [[b], /^lives by last resort, until b \(b:2\) is back; .* `jmessage admin remove b`$/m],
    [[b, c], /^lives by last resort, until b \(b:2\), c \(c:2\) are back; /m],
    [[], /^lives by last resort, until all who are back are voters again$/m],
  ] as const;
  for (const [missing, text] of texts) {
    const now = { ...status("a", [member("a")]), livesByLastResort: true, missing };
    const node = { status: () => Promise.resolve(now) };
    const { lines } = await trial({ "a:1": node }, "admin status -s a:1");
    assert.match(lines.join("\n"), text);
  }
});

Deno.test("admin status: where nobody answers, one line says what to do", async () => {
  const { code, errors, json, open } = await trial({}, "admin status --json -s x:1,y:1");
  assert.deepEqual([code, json, open], [1, [], 0]);
  assert.deepEqual(errors, [
    "jmessage: Cannot reach a node at x:1, y:1 (Cannot connect: refused); " +
    "start one or name others with --servers",
  ]);
});

Deno.test("admin transfer: goes to the leader, and follows it when it has moved", async () => {
  const asked: string[] = [];
  const moved = new ChatError("NOT_LEADER", "not the leader, the leader is at b:1", {
    leader: "b:1",
  });
  const nodes = {
    "c:1": answers("c", [member("a"), member("b"), member("c")]),
    "a:1": {
      transferLeadership: () => {
        asked.push("a");
        return Promise.reject(moved);
      },
    },
    "b:1": {
      transferLeadership: ({ to }: { readonly to?: string }) => {
        asked.push(`b to ${to}`);
        return Promise.resolve({ leader: "c", term: "1.3.c" });
      },
    },
  };
  const { code, json } = await trial(nodes, "admin transfer --to c --json -s c:1");
  assert.equal(code, 0);
  assert.deepEqual(asked, ["a", "b to c"]);
  assert.deepEqual(json, [{ leader: "c", term: "1.3.c" }]);
});

Deno.test("admin remove: prints who stays; a refusal is told as it is", async () => {
  const removed = {
    ...answers("a", [member("a")]),
    removeMember: ({ id }: { readonly id: string }) =>
      id === "c"
        ? Promise.resolve({ members: ["a", "b"] })
        : Promise.reject(new ChatError("INVALID_ARGUMENT", "Cannot remove x as it is no member")),
  };
  const done = await trial({ "a:1": removed }, "admin remove c -s a:1");
  assert.deepEqual([done.code, done.lines], [0, ["members now: a, b"]]);
  const refused = await trial({ "a:1": removed }, "admin remove x -s a:1");
  assert.deepEqual([refused.code, refused.errors], [2, [
    "jmessage: Cannot remove x as it is no member",
  ]]);
});

Deno.test("admin wait: ends once all have voted, answered and applied", async () => {
  let looks = 0;
  const nodes = {
    "a:1": {
      status: () => {
        looks += 1;
        const other = member("b", { voter: looks > 1, appliedIndex: looks > 2 ? 9 : 4 });
        return Promise.resolve(status("a", [member("a"), other]));
      },
    },
  };
  const { code, json } = await trial(nodes, "admin wait --synced --members 2 --json -s a:1");
  assert.deepEqual([code, json.length, looks], [0, 1, 3]);
});

Deno.test("admin wait: at the timeout it says what was missing", async () => {
  const nodes = { "a:1": answers("a", [member("a"), member("b", { voter: false })]) };
  const { code, errors } = await trial(nodes, "admin wait --synced --timeout 1 -s a:1");
  assert.equal(code, 1);
  assert.match(errors[0] ?? "", /b is not a voter yet/);
});

Deno.test("admin token: an answer that is lost leaves nobody without a token", async () => {
  // The first change happens, and its answer is lost: from then on the old token is refused.
  const asked: { readonly token: string | undefined; readonly request: unknown }[] = [];
  const nodes = {
    "a:1": {
      ...answers("a", [member("a")]),
      status: (_request: object, { token }: CallContext) =>
        asked.length > 0 && token === "old"
          ? Promise.reject(new ChatError("UNAUTHENTICATED", "no such token"))
          : Promise.resolve(status("a", [member("a")])),
      rotateAdminToken: (request: { readonly tokenHash: string }, { token }: CallContext) => {
        asked.push({ token, request });
        if (asked.length === 1) return Promise.reject(new ChatError("NO_ANSWER", "gone"));
        return createHash("sha256").update(token ?? "").digest("hex") === request.tokenHash
          ? Promise.resolve({})
          : Promise.reject(new ChatError("UNAUTHENTICATED", "no such token"));
      },
    },
  };
  Deno.env.set("JMESSAGE_ADMIN_TOKEN", "old");
  try {
    const { code, json } = await trial(nodes, "admin token rotate --json -s a:1");
    assert.equal(code, 0);
    assert.equal(asked[0]?.token, "old");
    assert.deepEqual(json, [{ token: asked[1]?.token }]);
    assert.deepEqual(asked[1]?.request, asked[0]?.request, "it is the same request");
  } finally {
    Deno.env.delete("JMESSAGE_ADMIN_TOKEN");
  }
});

Deno.test("admin: every command shows an example", () => {
  const command = adminCommand({
    connect: () => ({ ...fakeApi({}), close() {} }),
    output: { line() {}, json() {}, remark() {} },
  });
  for (const child of command.commands) {
    let help = "";
    child.configureOutput({ writeOut: (text) => void (help += text) });
    child.outputHelp();
    assert.match(help, new RegExp(`Example:\n  jmessage admin ${child.name()}`));
  }
});
