/**
 * Tests of the chat commands as programs drive them: flags, JSON lines, exit codes and what is
 * kept between runs, against a cluster in memory.
 *
 * @module
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import process from "node:process";
import { PASSWORD, withChat } from "./chat_test_trial.ts";

async function withVariable<T>(name: string, value: string, run: () => Promise<T>): Promise<T> {
  process.env[name] = value;
  try {
    return await run();
  } finally {
    delete process.env[name];
  }
}

Deno.test("chat commands: a login is kept, and later commands need no password", async () => {
  await withChat(async (chat) => {
    deepEqual((await chat(["-u", "ann", "login", "--json"], PASSWORD)).json, [{ user: "ann" }]);
    const sent = await chat(["send", "bob", "hello", "--json"]);
    equal(sent.code, 0, sent.error);
    equal(sent.json[0]?.["seq"], 1);
    match(String(sent.json[0]?.["id"]), /^[0-9a-f-]{36}$/);
    deepEqual((await chat(["-u", "ann", "users", "--json"])).json, [
      { user: "ann", online: true },
      { user: "bob", online: false },
    ]);
    match(
      (await chat(["users"])).text[0] ?? "",
      /^user +state +last seen\nann +online\nbob +offline/,
    );
  });
});

Deno.test("chat commands: sessions lists where the account is logged in", async () => {
  await withChat(async (chat) => {
    await chat(["-u", "ann", "login"], PASSWORD);
    deepEqual((await chat(["sessions", "--json"])).json, [{
      id: "s1",
      createdAt: "1970-01-01T00:00:00.000Z",
      lastUsed: "1970-01-02T00:00:00.000Z",
      expiresAt: null,
      current: true,
    }]);
    match((await chat(["sessions"])).text[0] ?? "", /^session .*\ns1 .*never +this one$/);
  });
});

Deno.test("chat commands: logout ends this login, or the session that it names", async () => {
  await withChat(async (chat, cluster) => {
    await chat(["-u", "ann", "login"], PASSWORD);
    const phone = await chat(["logout", "--session", "phone", "--json"]);
    deepEqual(phone.json, [{ user: "ann", session: "phone" }]);
    deepEqual((await chat(["logout", "--session", "tablet"])).text, [
      "ann: session tablet is ended",
    ]);
    deepEqual(cluster.ended, ["phone", "tablet"]);
    equal((await chat(["users"])).code, 0, "this login is still there");
    equal((await chat(["logout", "--all", "--session", "phone"])).code, 2);
    const { code, error } = await withVariable("JMESSAGE_ALL", "0", () => {
      return chat(["logout", "--session", "phone"]);
    });
    equal(code, 0, error);
    equal(cluster.ended.pop(), "phone");
    // An unset variable of a script must end nothing.
    equal((await chat(["logout", "--session", ""])).code, 2);
    equal(cluster.ended.length, 2);
    // Its own, by its id: then it is not kept any more.
    equal((await chat(["logout", "--session", "S1"])).code, 0);
    match((await chat(["-u", "ann", "users"])).error, /Cannot act as ann without a login/);
    await chat(["-u", "ann", "login"], PASSWORD);
    deepEqual((await chat(["logout", "--json"])).json, [{ user: "ann" }]);
    equal(cluster.ended.at(-1), "that of token-ann#2");
    match((await chat(["-u", "ann", "users"])).error, /Cannot act as ann without a login/);
  });
});

Deno.test("chat commands: an account is deleted only by a yes: the flag's, or a person's", async () => {
  await withChat(async (chat, cluster) => {
    const deletions = () => cluster.calls.filter((call) => call.startsWith("deleteAccount")).length;
    await chat(["-u", "ann", "login"], PASSWORD);
    for (const stdin of [[], ["no"], ["ann"]]) {
      const { code, error } = await chat(["delete-account"], { stdin });
      equal(code, 2);
      match(error, /^jmessage: Cannot ask .* there is no terminal; add --yes to go on$/);
    }
    equal((await chat(["delete-account"], { answer: "no" })).code, 2);
    equal(deletions(), 0);
    equal((await chat(["delete-account"], { answer: "ann" })).code, 0);
    equal(deletions(), 1);
    await chat(["-u", "ann", "login"], PASSWORD);
    deepEqual((await chat(["delete-account", "--yes", "--json"])).json, [{ user: "ann" }]);
    equal(deletions(), 2);
  });
});

Deno.test("chat commands: the password comes from stdin, or from the environment", async () => {
  await withChat(async (chat) => {
    const words = ["-u", "ann", "login", "--password-stdin", "--json"];
    equal((await chat(words, { stdin: ["secret"] })).code, 0);
    equal((await chat(words, { stdin: [] })).code, 2);
    for (const command of ["login", "register"]) {
      match(
        (await chat(["-u", "bob", command])).error,
        /^jmessage: Cannot ask for the password of bob as there is no terminal: give it by --pass/,
      );
    }
    const none = await chat(["-u", "bob", "send", "ann", "x"]);
    equal(none.code, 1);
    match(none.error, /^jmessage: Cannot act as bob without a login: run jmessage chat login/);
    const given = await chat(["-u", "bob", "send", "ann", "x", "--json"], PASSWORD);
    equal(given.code, 0);
  });
});

Deno.test("chat commands: a name or password that cannot be is told before more is asked for", async () => {
  await withChat(async (chat) => {
    const name = await chat(["register"], { answer: "Zoë" });
    deepEqual([name.code, /name must be 1 to 64 of ASCII/.test(name.error)], [2, true], name.error);
    const short = await chat(["-u", "zoe", "register"], { answer: "", secrets: ["short"] });
    deepEqual([short.code, /must be 8 to 256/.test(short.error)], [2, true], short.error);
    const secrets = ["long enough", "long enough"];
    equal((await chat(["-u", "zoe", "register"], { answer: "", secrets })).code, 0);
  });
});

Deno.test("chat commands: send reads messages from stdin, in order, and acknowledges each", async () => {
  await withChat(async (chat, cluster) => {
    const stdin = ["secret", "one", "", "two", "-three"];
    const words = ["-u", "ann", "send", "bob", "-", "--password-stdin", "--json"];
    const run = await chat(words, { stdin });
    deepEqual(run.json.map((line) => line["seq"]), [1, 2, 3]);
    deepEqual(cluster.log.map(({ body }) => body), ["one", "two", "-three"]);
    const refused = await chat(["-u", "ann", "send", "nobody", "-"], { stdin: ["x"] });
    equal(refused.code, 1);
    match(refused.error, /\(line 1 of stdin\)$/);
  });
});

Deno.test("chat commands: the same --id twice is one message", async () => {
  await withChat(async (chat, cluster) => {
    await chat(["-u", "ann", "login"], PASSWORD);
    const id = "018f0000-0000-7000-8000-000000000001";
    const words = ["send", "bob", "hello", "--id", id, "--json"];
    deepEqual((await chat(words)).json, [{ id, seq: 1 }]);
    deepEqual((await chat(words)).json, [{ id, seq: 1 }]);
    equal(cluster.log.length, 1);
    equal((await chat(["send", "bob", "x", "--id", "nonsense"])).code, 2);
    equal((await chat(["send", "bob", "-", "--id", id])).code, 2);
  });
});

Deno.test("chat commands: the variable that names a node is no request id", async () => {
  await withChat(async (chat, cluster) => {
    await chat(["-u", "ann", "login"], PASSWORD);
    for (const value of ["b", "018f0000-0000-7000-8000-000000000001"]) {
      Deno.env.set("JMESSAGE_ID", value);
      try {
        equal((await chat(["send", "bob", "hello"])).error, "");
        equal((await chat(["send", "bob", "-"], { stdin: ["more"] })).error, "");
      } finally {
        Deno.env.delete("JMESSAGE_ID");
      }
    }
    deepEqual(cluster.log.map(({ body }) => body), ["hello", "more", "hello", "more"]);
    ok(cluster.log.every(({ id }) => !id.startsWith("018f0000")));
  });
});

Deno.test("chat commands: inbox prints the stable fields, and acknowledges what it printed", async () => {
  await withChat(async (chat, cluster) => {
    cluster.write("bob", "ann", "hi\n\x1b[2J");
    await chat(["-u", "ann", "login"], PASSWORD);
    const { json } = await chat(["inbox", "--ack", "--json"]);
    deepEqual(json, [{
      id: "bob-0",
      seq: 1,
      position: "1.0.1.node",
      from: "bob",
      to: "ann",
      body: "hi\n\x1b[2J",
      sentAt: "1970-01-01T00:00:00.000Z",
      acknowledged: false,
    }]);
    deepEqual(cluster.acknowledged, ["bob-0"]);
    match((await chat(["inbox"])).text[0] ?? "", /bob to ann: hi\\n\\u\{1b\}\[2J$/);
  });
});

Deno.test("chat commands: history is oldest first", async () => {
  await withChat(async (chat, cluster) => {
    for (const body of ["1", "2", "3"]) cluster.write("bob", "ann", body);
    await chat(["-u", "ann", "login"], PASSWORD);
    const { json } = await chat(["history", "bob", "--json", "--limit", "3"]);
    deepEqual(json.map((line) => line["body"]), ["1", "2", "3"]);
    equal((await chat(["history", "bob", "--limit", "0"])).code, 2);
  });
});

Deno.test("chat commands: listen goes on from the last one seen, whoever is left", async () => {
  await withChat(async (chat, cluster) => {
    await chat(["-u", "ann", "login"], PASSWORD);
    cluster.write("bob", "ann", "1");
    cluster.write("bob", "ann", "2");
    const first = await chat(["listen", "--count", "2", "--json"]);
    deepEqual(first.json.map((line) => line["body"]), ["1", "2"]);
    cluster.kill("n1:1");
    cluster.elect("n2:1");
    cluster.write("bob", "ann", "3");
    const second = await chat(["listen", "--count", "1", "--json"]);
    deepEqual(second.json.map((line) => line["body"]), ["3"]);
    const from = String(first.json[0]?.["position"]);
    const back = await chat(["listen", "--from", from, "--count", "2", "--json"]);
    deepEqual(back.json.map((line) => line["body"]), ["2", "3"]);
    equal((await chat(["listen", "--from", "x"])).code, 2);
  });
});

Deno.test("chat commands: with the listed servers gone the cluster is found where it was", async () => {
  await withChat(async (chat, cluster) => {
    await chat(["-u", "ann", "login"], PASSWORD);
    cluster.kill("n1:1");
    cluster.elect("n2:1");
    const sent = await chat(["-s", "n1:1", "send", "bob", "hello", "--json"]);
    equal(sent.code, 0, sent.error);
    equal(cluster.log.length, 1);
  });
});

Deno.test("chat commands: who is nobody, or one of several, is asked to say who", async () => {
  await withChat(async (chat) => {
    const nobody = await chat(["users"]);
    equal(nobody.code, 2);
    match(nobody.error, /nobody is logged in here/);
    await chat(["-u", "ann", "login"], PASSWORD);
    await chat(["-u", "bob", "login"], PASSWORD);
    const several = await chat(["users"]);
    equal(several.code, 2);
    match(several.error, /several users are logged in here \(ann, bob\): add --user NAME$/);
  });
});

Deno.test("chat commands: a command that cannot be is misuse, with nothing on stdout", async () => {
  await withChat(async (chat) => {
    for (const words of [["nonsense"], ["send", "bob"], ["send"], ["--json"], ["users", "--x"]]) {
      const run = await chat(words);
      equal(run.code, 2, words.join(" "));
      deepEqual([run.json, run.text], [[], []]);
      ok(!run.error.includes("\n"));
    }
  });
});
