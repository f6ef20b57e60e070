/**
 * Tests of an interactive chat against a cluster in memory, on a clock moved by hand: what a
 * typed line does, what arrives, and what a failover shows.
 *
 * @module
 */

import { deepEqual, equal, ok } from "node:assert/strict";
import { ChatClient } from "../client/chat_client.ts";
import { ManualClock } from "../client/client_test_clock.ts";
import { FakeCluster } from "../client/client_test_cluster.ts";
import type { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { ChatController } from "./chat_controller.ts";
import { ChatModel } from "./chat_model.ts";
import { stateText } from "./chat_screen.ts";
import { unsentText } from "./chat_text.ts";

const NODES = ["n1:1", "n2:1", "n3:1"];

async function setUp({ canSuspend = true } = {}) {
  const clock = new ManualClock();
  const cluster = new FakeCluster(NODES);
  for (const name of ["ann", "bob", "carl"]) {
    cluster.users.push({ name, online: name === "bob", lastSeenMs: null });
  }
  const client = new ChatClient({
    servers: NODES,
    connect: cluster.connect,
    clock,
    session: { user: "ann", token: "token-ann" },
  });
  const model = new ChatModel("ann", { onChange: () => {} });
  const ends: (ChatError | null)[] = [];
  const controller = new ChatController({
    client,
    clock,
    model,
    canSuspend,
    onEnd: (error) => void ends.push(error),
  });
  controller.start();
  await clock.advance(100);
  return {
    clock,
    cluster,
    model,
    controller,
    ends,
    enter: (line: string) => clock.until(controller.enter(line)),
    lines: (name: string) =>
      model.lines(name).map((line) => line.kind === "message" ? line.body : `-- ${line.text}`),
    async stop() {
      controller.stop();
      client.close();
      await clock.settle();
      equal(clock.timers, 0);
    },
  };
}

Deno.test("chat: lists people, opens a conversation, sends, and receives", async () => {
  const { clock, cluster, model, enter, lines, stop } = await setUp();
  deepEqual(model.people().map(({ name, online }) => [name, online]), [
    ["bob", true],
    ["carl", false],
  ]);
  cluster.write("bob", "ann", "earlier");
  await enter("/to bob");
  await enter("hello");
  await enter("//slash");
  cluster.write("bob", "ann", "hi yourself");
  await clock.advance(limits.acknowledgeMs * 3);
  deepEqual(lines("bob"), ["earlier", "hello", "/slash", "hi yourself"]);
  deepEqual(cluster.log.map(({ body }) => body), ["earlier", "hello", "/slash", "hi yourself"]);
  deepEqual(cluster.acknowledged, ["bob-0", "bob-3"]);
  await stop();
});

Deno.test("chat: /users tells who is there, also before the first look at them is done", async () => {
  const { cluster, enter, lines, stop } = await setUp();
  cluster.users.push({ name: "dora", online: true, lastSeenMs: null });
  await enter("/users");
  deepEqual(lines(""), ["-- bob: online", "-- dora: online", "-- carl: offline"]);
  await stop();
});

Deno.test("chat: what comes elsewhere is told, and acknowledged only once it is opened", async () => {
  const { clock, cluster, model, controller, enter, stop } = await setUp();
  await enter("/to bob");
  cluster.write("carl", "ann", "psst");
  await clock.advance(2_000);
  equal(model.notification?.body, "psst");
  deepEqual(cluster.acknowledged, []);
  await clock.until(controller.openNext());
  await clock.advance(2_000);
  equal(model.current, "carl");
  deepEqual(cluster.acknowledged, ["carl-0"]);
  await stop();
});

Deno.test("chat: what one writes at another login shows, all of it, in its place", async () => {
  const { clock, cluster, enter, lines, stop } = await setUp();
  cluster.write("bob", "ann", "earlier");
  await enter("/to bob");
  await enter("here");
  await clock.advance(100);
  const there = Array.from({ length: 2 * limits.chatHistoryLines }, (_, at) => `there ${at}`);
  for (const body of there) cluster.write("ann", "bob", body);
  cluster.write("ann", "carl", "to somebody else");
  cluster.write("bob", "ann", "answer");
  await clock.advance(limits.peopleRefreshMs + 100);
  deepEqual(lines("bob"), ["earlier", "here", ...there, "answer"]);
  await enter("/to carl");
  cluster.write("ann", "bob", "meanwhile");
  // At once, when it is opened again.
  await enter("/to bob");
  equal(lines("bob").at(-1), "meanwhile");
  deepEqual(lines("carl"), ["to somebody else"]);
  await stop();
});

Deno.test("chat: goes on through a failover, and says how much waits meanwhile", async () => {
  const { clock, cluster, model, enter, lines, stop } = await setUp();
  await enter("/to bob");
  await enter("one");
  await clock.advance(10);
  cluster.kill("n1:1");
  await enter("two");
  await enter("three");
  await clock.advance(1_500);
  equal(stateText(model), "electing, 2 waiting");
  cluster.elect("n3:1");
  cluster.write("bob", "ann", "still here");
  await clock.advance(1_500);
  equal(stateText(model), "connected, n3:1 leads");
  deepEqual(cluster.log.map(({ body }) => body), ["one", "still here", "two", "three"]);
  deepEqual(lines("bob"), ["one", "still here", "two", "three"]);
  await stop();
});

Deno.test("chat: a message that is refused is told where it was written", async () => {
  const { clock, enter, lines, stop } = await setUp();
  await enter("/to nobody");
  await enter("hello?");
  await clock.advance(100);
  equal(lines("nobody").length, 1);
  ok(lines("nobody")[0]?.startsWith("-- Not sent: hello? ("));
  await stop();
});

Deno.test("chat: leaving asks once while messages wait", async () => {
  const { clock, cluster, model, enter, ends, lines, stop } = await setUp();
  await enter("/to bob");
  for (const address of NODES) cluster.kill(address);
  await enter("unsent");
  await clock.advance(100);
  await enter("/quit");
  deepEqual(ends, []);
  ok(lines("bob").at(-1)?.includes("1 not accepted yet"));
  deepEqual(
    unsentText(1, model.unaccepted()),
    "1 message was not accepted when you left:\n  to bob: unsent",
  );
  await enter("/quit");
  deepEqual(ends, [null]);
  await stop();
});

Deno.test("chat: leaving asks again in a later outage", async () => {
  const { clock, cluster, enter, ends, stop } = await setUp();
  await enter("/to bob");
  for (const said of ["first", "second"]) {
    for (const address of NODES) cluster.kill(address);
    await enter(said);
    await clock.advance(100);
    await enter("/quit");
    deepEqual(ends, [], `asked about what waits: ${said}`);
    for (const address of NODES) cluster.revive(address);
    cluster.elect("n2:1");
    await clock.advance(5_000);
  }
  deepEqual(cluster.log.map(({ body }) => body), ["first", "second"]);
  await stop();
});

Deno.test("chat: with nobody to ask, what is not accepted is waited for, but not for ever", async () => {
  const { clock, cluster, controller, ends, enter, stop } = await setUp();
  await enter("/to bob");
  for (const address of NODES) cluster.kill(address);
  await enter("never");
  const left = controller.leaveSettled();
  await clock.advance(limits.chatSettleMsMax - 1_000);
  equal(ends.length, 0);
  await clock.advance(1_000);
  await left;
  equal(ends.length, 1);
  ok(/^Cannot send what was typed within 30 s: 1 not accepted/.test(ends[0]?.message ?? ""));
  await stop();
});

Deno.test("chat: /help offers Ctrl-Z only where it suspends", async () => {
  for (const canSuspend of [true, false]) {
    const { enter, lines, stop } = await setUp({ canSuspend });
    await enter("/help");
    const told = lines("").join("\n");
    equal(told.includes("Ctrl-Z"), canSuspend, told);
    ok(/leave \(also Ctrl-D[;)]/.test(told), told);
    await stop();
  }
});

Deno.test("chat: commands that cannot be done say what can", async () => {
  const { enter, lines, stop } = await setUp();
  for (const line of ["hello", "/to", "/history", "/nonsense", "/users", "/help"]) {
    await enter(line);
  }
  const told = lines("").join("\n");
  for (const expected of [/\/to NAME/, /no \/nonsense/, /bob: online/, /carl: offline/, /\/quit/]) {
    ok(expected.test(told), `${expected} in ${told}`);
  }
  await enter("/to bob");
  await enter("/history 0");
  await enter("/history");
  deepEqual(lines("bob"), [
    "-- Say how many, from 1 to 500: /history N",
    "-- There is nothing older.",
  ]);
  await stop();
});
