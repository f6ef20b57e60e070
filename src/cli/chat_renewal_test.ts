/**
 * Tests of chat commands whose kept login has ended: made anew where the password is at hand, and
 * in the command's one time.
 *
 * @module
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { ManualClock } from "../client/client_test_clock.ts";
import { ChatError } from "../errors.ts";
import { PASSWORD, withChat } from "./chat_test_trial.ts";

Deno.test("chat commands: a login that has ended elsewhere is told once, with the way back", async () => {
  await withChat(async (chat, cluster) => {
    await chat(["-u", "ann", "login"], PASSWORD);
    const ended = new ChatError("UNAUTHENTICATED", "Not logged in: log in again");
    for (const node of cluster.nodes.values()) node.failures.push(ended);
    const { code, error } = await chat(["send", "bob", "hello"]);
    equal(code, 1);
    equal(
      error,
      "jmessage: Not logged in: this login of ann has ended; log in again with " +
        "jmessage chat login --user ann",
    );
  });
});

Deno.test("chat commands: a login that has ended is made anew where the password is at hand", async () => {
  await withChat(async (chat, cluster) => {
    await chat(["-u", "ann", "login"], PASSWORD);
    const logins = () => cluster.calls.filter((call) => call.startsWith("login ")).length;
    equal((await chat(["send", "bob", "one"], PASSWORD)).code, 0);
    equal(logins(), 1, "the kept one is good");
    const ended = new ChatError("UNAUTHENTICATED", "Not logged in: log in again");
    const asked = cluster.node("n1:1").failures;
    asked.push(ended);
    equal((await chat(["-s", "n1:1", "send", "bob", "two"], PASSWORD)).code, 0);
    equal(logins(), 2);
    asked.push(ended);
    equal(
      (await chat(["-s", "n1:1", "send", "bob", "-"], { ...PASSWORD, stdin: ["3", "4"] })).code,
      0,
    );
    equal(logins(), 3);
    cluster.write("bob", "ann", "for ann");
    asked.push(ended);
    // It subscribes where it happens to, so there is one place left.
    const others = [...cluster.nodes].flatMap(([address, node]) =>
      address === "n1:1" ? [] : [node]
    );
    for (const node of others) node.dead = true;
    equal((await chat(["-s", "n1:1", "listen", "--count", "1"], PASSWORD)).code, 0);
    equal(logins(), 4);
    for (const node of others) node.dead = false;
    // Whether it has ended is what the request itself tells.
    ok(!cluster.calls.some((call) => call.startsWith("listSessions ")));
    asked.push(ended, new ChatError("UNAUTHENTICATED", "Wrong name or password"));
    const wrong = await chat(["-s", "n1:1", "send", "bob", "no"], PASSWORD);
    deepEqual([wrong.code, wrong.error], [1, "jmessage: Wrong name or password"]);
    asked.push(ended);
    equal((await chat(["-s", "n1:1", "logout"], PASSWORD)).code, 0);
    equal(logins(), 5, "not to be ended at once");
    deepEqual(cluster.log.map(({ body }) => body), ["one", "two", "3", "4", "for ann"]);
  });
});

Deno.test("chat commands: finding the cluster, a new login and what was asked have one time", async () => {
  const ended = new ChatError("UNAUTHENTICATED", "Not logged in: log in again");
  const busy = new ChatError("OVERLOADED", "The node is busy", { retryAfterMs: 4_000 });
  for (
    const [text, refusals] of [["in time", [ended, busy]], ["late", [busy, ended, busy]]] as const
  ) {
    await withChat(async (chat, cluster) => {
      await chat(["-u", "ann", "login"], PASSWORD);
      const clock = new ManualClock();
      for (const node of cluster.nodes.values()) node.dead = true;
      clock.after(3_000, () => {
        for (const node of cluster.nodes.values()) node.dead = false;
      });
      cluster.node("n1:1").failures.push(...refusals);
      const run = await chat(["--timeout", "10", "send", "bob", text], { ...PASSWORD, clock });
      const isLate = text === "late";
      deepEqual([run.code, cluster.log.length], isLate ? [1, 0] : [0, 1], run.error);
      if (isLate) match(run.error, /Cannot log in within 10 s: The node is busy/);
      ok(clock.mono() >= 7_000 && clock.mono() <= 10_000, `took ${clock.mono()} ms`);
    });
  }
});

Deno.test("chat commands: what a person takes to answer is no time of the command's", async () => {
  await withChat(async (chat) => {
    await chat(["-u", "ann", "login"], PASSWORD);
    const person = { clock: new ManualClock(), answer: "ann", answerMs: 60_000 };
    const { code, error } = await chat(["--timeout", "5", "delete-account"], person);
    equal(code, 0, error);
    ok(person.clock.mono() >= 60_000);
  });
});

Deno.test("chat commands: an --id that was refused as the login had ended stays so, and that is told", async () => {
  await withChat(async (chat, cluster) => {
    await chat(["-u", "ann", "login"], PASSWORD);
    const send = ["send", "bob", "x", "--json"];
    const ended = new ChatError("UNAUTHENTICATED", "Not logged in: log in again");
    cluster.refusals.push(ended);
    const given = await chat([...send, "--id", "01890000-0000-7000-8000-000000000001"], PASSWORD);
    equal(given.code, 1);
    match(given.error, /^jmessage: Cannot send under this --id as it was refused .* made anew$/);
    equal(cluster.log.length, 0);
    cluster.refusals.push(ended);
    equal((await chat(send, PASSWORD)).code, 0);
    equal(cluster.log.length, 1);
  });
});
