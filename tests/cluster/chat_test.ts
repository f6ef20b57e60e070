/**
 * The chat commands as scripts use them, against real processes: logins that are kept, a
 * lost phone, a listener that lives through the death of leader after leader, and a load that proves
 * itself.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { NodeCluster } from "../../src/cli/node_cluster.ts";
import { PROGRAM } from "./program.ts";

type Line = Readonly<Record<string, unknown>>;

/** Runs one command of a user to its end; gives its JSON lines. */
function runner(cluster: NodeCluster, stateDirectory: string) {
  const withPassword = { JMESSAGE_PASSWORD: "correct horse" };
  const command = (words: readonly string[], more: Record<string, string> = withPassword) =>
    new Deno.Command(PROGRAM.command, {
      args: [...PROGRAM.args, ...words, "-s", cluster.addresses.join(","), "--json"],
      env: { JMESSAGE_STATE_DIR: stateDirectory, ...more },
      stdout: "piped",
      stderr: "piped",
      stdin: "null",
    });
  const linesOf = (
    output: Pick<Deno.CommandOutput, "code" | "stdout" | "stderr">,
  ): readonly Line[] => {
    assert.equal(output.code, 0, new TextDecoder().decode(output.stderr));
    const text = new TextDecoder().decode(output.stdout).trimEnd();
    return text === "" ? [] : text.split("\n").map((line) => JSON.parse(line));
  };
  return {
    run: async (...words: readonly string[]) => linesOf(await command(words).output()),
    /** Runs one, without a password, that must fail; gives what it says. */
    fail: async (...words: readonly string[]) => {
      const { code, stderr } = await command(words, {}).output();
      assert.notEqual(code, 0);
      return new TextDecoder().decode(stderr);
    },
    /** Begins a command; `onRemark` gets what it says on stderr meanwhile. */
    async begin(words: readonly string[], onRemark: (text: string) => void = () => {}) {
      const child = command(words).spawn();
      let remarks = "";
      const told = (async () => {
        for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
          remarks += text;
          onRemark(text);
        }
      })();
      const stdout = await new Response(child.stdout).bytes();
      await told;
      const { code } = await child.status;
      return linesOf({ code, stdout, stderr: new TextEncoder().encode(remarks) });
    },
  };
}

Deno.test("chat commands: a listener hears everything once, whichever leader dies", async () => {
  const directory = await Deno.makeTempDir({ prefix: "jmessage-test-" });
  const cluster = new NodeCluster({ program: PROGRAM, directory: join(directory, "nodes") });
  try {
    for (const id of ["a", "b", "c"]) await cluster.start(id);
    const { run, begin } = runner(cluster, join(directory, "state"));
    for (const user of ["ann", "bob"]) await run("chat", "-u", user, "register");
    const listening = begin(["chat", "-u", "bob", "listen", "--count", "6"]);
    const sent: Line[] = [];
    for (const body of ["1", "2"]) {
      sent.push(...await run("chat", "-u", "ann", "send", "bob", body));
    }
    for (const id of ["a", "b"]) {
      const node = cluster.node(id);
      node.process.kill("SIGKILL");
      await node.process.exited;
      for (const body of [`${id}1`, `${id}2`]) {
        sent.push(...await run("chat", "-u", "ann", "send", "bob", body));
      }
    }
    const heard = await listening;
    assert.deepEqual(heard.map(({ id, seq }) => ({ id, seq })), sent);
    assert.deepEqual(heard.map(({ body }) => body), ["1", "2", "a1", "a2", "b1", "b2"]);
    const inbox = await run("chat", "-u", "bob", "inbox", "--ack");
    assert.equal(inbox.length, 6);
    assert.deepEqual(await run("chat", "-u", "bob", "inbox"), []);
    const history = await run("chat", "-u", "ann", "history", "bob", "--limit", "2");
    assert.deepEqual(history.map(({ body }) => body), ["b1", "b2"]);
  } finally {
    await cluster.close();
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("chat commands: a phone is lost, its login ended from elsewhere, and that survives", async () => {
  const directory = await Deno.makeTempDir({ prefix: "jmessage-test-" });
  const cluster = new NodeCluster({ program: PROGRAM, directory: join(directory, "nodes") });
  try {
    for (const id of ["a", "b"]) await cluster.start(id);
    const phone = runner(cluster, join(directory, "phone"));
    const own = runner(cluster, join(directory, "own"));
    await phone.run("chat", "-u", "ann", "register");
    const before = await phone.run("chat", "sessions");
    await own.run("chat", "-u", "ann", "login");
    const lost = String(before[0]?.["id"]);
    const ended = [{ user: "ann", session: lost }];
    assert.deepEqual(await own.run("chat", "logout", "--session", lost), ended);
    const refused = await phone.fail("chat", "users");
    assert.match(refused, /this login of ann has ended/);
    const leader = cluster.node("a");
    leader.process.kill("SIGKILL");
    await leader.process.exited;
    // It has ended already, which is no error; on the other node too.
    assert.deepEqual(await own.run("chat", "logout", "--session", lost), ended);
    assert.match(await phone.fail("chat", "users"), /this login of ann has ended/);
    const left = await own.run("chat", "sessions");
    assert.deepEqual(left.map(({ current }) => current), [true]);
    assert.notEqual(left[0]?.["id"], lost);
    // One of another account, and one that nobody has, are told the same.
    await phone.run("chat", "-u", "bob", "register");
    const [bobs] = await phone.run("chat", "-u", "bob", "sessions");
    const told: string[] = [];
    for (const id of [String(bobs?.["id"]), crypto.randomUUID()]) {
      told.push((await own.fail("chat", "logout", "--session", id)).replaceAll(id, "ID"));
    }
    assert.match(told[0]!, /session_id must be that of a session of the account/);
    assert.equal(told[0], told[1]);
    assert.equal((await phone.run("chat", "-u", "bob", "sessions")).length, 1);
    // Who has the password at hand is logged in anew.
    const anew = await phone.run("chat", "-u", "ann", "sessions");
    assert.equal(anew.length, 2);
    assert.ok(anew.every(({ id }) => id !== lost));
  } finally {
    await cluster.close();
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("bench: proves that a cluster lost nothing while its leader died", async () => {
  const directory = await Deno.makeTempDir({ prefix: "jmessage-test-" });
  const cluster = new NodeCluster({ program: PROGRAM, directory: join(directory, "nodes") });
  try {
    for (const id of ["a", "b"]) await cluster.start(id);
    const { begin } = runner(cluster, join(directory, "state"));
    const words = ["--seconds", "4", "--concurrency", "8", "--users", "2"];
    const leader = cluster.node("a");
    const measuring = begin(["bench", ...words], (text) => {
      if (text.includes("sending")) leader.process.kill("SIGKILL");
    });
    const [result = {}] = await measuring;
    assert.ok(Number(result["messages"]) > 0);
    assert.ok(Number(result["retries"]) > 0, "the death of the leader was noticed");
    assert.deepEqual([result["lost"], result["duplicated"], result["errors"]], [0, 0, 0]);
  } finally {
    await cluster.close();
    await Deno.remove(directory, { recursive: true });
  }
});
