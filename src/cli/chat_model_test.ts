/**
 * Tests of what an interactive chat knows: order of lines, unread marks, bounds.
 *
 * @module
 */

import { deepEqual, equal, ok } from "node:assert/strict";
import { limits } from "../limits.ts";
import type { Message } from "../rpc/api.ts";
import { ChatModel } from "./chat_model.ts";

function message(seq: number, from: string, to: string, body = `m${seq}`): Message {
  const position = `${seq}.0.1.n`;
  return { id: `id-${seq}`, seq, position, from, to, body, sentAtMs: seq, acknowledged: false };
}

const own = {
  kind: "message",
  id: "own",
  from: "ann",
  to: "bob",
  body: "mine",
  atMs: 0,
} as const;

const bodies = (model: ChatModel, name: string) =>
  model.lines(name).map((line) => line.kind === "message" ? line.body : `-- ${line.text}`);

Deno.test("chat model: lines stand in the one order, however they came", () => {
  const model = new ChatModel("ann", { onChange: () => {} });
  model.receive(message(5, "bob", "ann"));
  model.addOwn({ ...own, seq: null });
  model.receive(message(7, "bob", "ann"));
  deepEqual(bodies(model, "bob"), ["m5", "m7", "mine"]);
  model.addOwn({ ...own, seq: 6 });
  deepEqual(bodies(model, "BOB"), ["m5", "mine", "m7"]);
  model.addHistory("bob", [message(3, "ann", "bob"), message(5, "bob", "ann")], true);
  deepEqual(bodies(model, "bob"), ["m3", "m5", "mine", "m7"]);
  equal(model.olderThan("bob"), "3.0.1.n");
});

Deno.test("chat model: older lines come above a notice, and what waits stays below what came", () => {
  const model = new ChatModel("ann", { onChange: () => {} });
  model.receive(message(5, "bob", "ann"));
  model.addOwn({ ...own, seq: null });
  model.notice("bob", "said", 1);
  model.addHistory("bob", [message(3, "ann", "bob"), message(4, "bob", "ann")], false);
  model.receive(message(6, "bob", "ann"));
  deepEqual(bodies(model, "bob"), ["m3", "m4", "m5", "m6", "mine", "-- said"]);
});

Deno.test("chat model: what comes elsewhere is unread until its conversation is opened", () => {
  const model = new ChatModel("ann", { onChange: () => {} });
  model.setPeople([
    { name: "ann", online: true, lastSeenMs: null },
    { name: "bob", online: true, lastSeenMs: null },
    { name: "carl", online: false, lastSeenMs: 1 },
  ]);
  deepEqual(model.people().map((person) => person.name), ["bob", "carl"]);
  model.open("bob");
  ok(model.receive(message(1, "bob", "ann")));
  ok(!model.receive(message(2, "carl", "ann")));
  deepEqual(model.people().map(({ name, unread }) => [name, unread]), [["carl", 1], ["bob", 0]]);
  deepEqual(model.notification, { name: "carl", body: "m2" });
  deepEqual(model.open("Carl"), { name: "carl", unread: ["id-2"] });
  equal(model.notification, null);
  equal(model.person("carl")?.unread, 0);
  deepEqual(model.open("carl").unread, []);
});

Deno.test("chat model: who wrote to themselves elsewhere finds it, until it is opened", () => {
  const model = new ChatModel("ann", { onChange: () => {} });
  model.setPeople([{ name: "ann", online: true, lastSeenMs: null }]);
  model.receive(message(1, "ann", "ann"));
  deepEqual(model.people().map(({ name, unread }) => [name, unread]), [["ann", 1]]);
  model.open("ann");
  deepEqual([model.people(), model.notification], [[], null]);
});

Deno.test("chat model: a stranger who writes is listed, also after the next look", () => {
  const model = new ChatModel("ann", { onChange: () => {} });
  model.receive(message(1, "new", "ann"));
  model.setPeople([{ name: "ann", online: true, lastSeenMs: null }]);
  deepEqual(model.people().map((person) => person.name), ["new"]);
});

Deno.test("chat model: a message that was refused goes, a notice stays", () => {
  const model = new ChatModel("ann", { onChange: () => {} });
  const own = { kind: "message", id: "own", from: "ann", to: "bob", body: "x", atMs: 0 } as const;
  model.addOwn({ ...own, seq: null });
  model.notice("bob", "no", 1);
  model.dropOwn("bob", "own");
  deepEqual(bodies(model, "bob"), ["-- no"]);
});

Deno.test("chat model: lines and conversations are bounded; the open one is kept", () => {
  const model = new ChatModel("ann", { onChange: () => {} });
  model.open("bob");
  for (let seq = 1; seq <= limits.conversationLinesMax + 5; seq++) {
    model.receive(message(seq, "bob", "ann"));
  }
  equal(model.lines("bob").length, limits.conversationLinesMax);
  for (let at = 0; at < limits.conversationsMax + 5; at++) {
    model.receive(message(10_000 + at, `p${at}`, "ann"));
  }
  equal(model.lines("bob").length, limits.conversationLinesMax);
  equal(model.lines("p0").length, 0);
  equal(model.lines(`p${limits.conversationsMax + 4}`).length, 1);
});

Deno.test("chat model: what is unread is kept as far as it can be shown, the newest of it", () => {
  const model = new ChatModel("ann", { onChange: () => {} });
  const all = limits.conversationLinesMax + 50;
  for (let seq = 1; seq <= all; seq++) model.receive(message(seq, "bob", "ann"));
  equal(model.person("bob")?.unread, limits.unreadShownMax + 1);
  deepEqual(model.notification, { name: "bob", body: `m${all}` });
  const { unread } = model.open("bob");
  equal(unread.length, limits.conversationLinesMax);
  deepEqual([unread[0], unread.at(-1)], ["id-51", `id-${all}`]);
});

Deno.test("chat model: tells a chat that prints what is new, once", () => {
  const lines: string[] = [];
  const model = new ChatModel("ann", {
    onChange: () => {},
    onLine: (name, line) => void lines.push(`${name} ${line.kind}`),
    onPage: (name, page) => void lines.push(`${name} page ${page.length}`),
  });
  model.receive(message(1, "bob", "ann"));
  model.receive(message(1, "bob", "ann"));
  model.addHistory("bob", [message(1, "bob", "ann")], false);
  model.notice("bob", "hm", 1);
  deepEqual(lines, ["bob message", "bob page 1", "bob notice"]);
});

Deno.test("chat model: a message accepted under another id is one line, told once", () => {
  for (const isShown of [false, true]) {
    let told = 0;
    const model = new ChatModel("ann", { onChange: () => {}, onLine: () => void told++ });
    const own = { kind: "message", from: "ann", to: "bob", body: "m4", atMs: 4 } as const;
    model.addOwn({ ...own, id: "own", seq: null });
    // The conversation may be loaded before the acceptance is heard of.
    if (isShown) model.addHistory("bob", [message(4, "ann", "bob")], false);
    model.renameOwn("bob", "own", "id-4");
    model.addOwn({ ...own, id: "id-4", seq: 4 });
    deepEqual([bodies(model, "bob"), told], [["m4"], 1]);
  }
});
