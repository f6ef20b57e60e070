/**
 * Tests of the interactive chat in lines, as between pipes and on a dumb terminal.
 *
 * @module
 */

import { deepEqual, equal, ok } from "node:assert/strict";
import { PassThrough } from "node:stream";
import { ChatClient } from "../client/chat_client.ts";
import { ManualClock } from "../client/client_test_clock.ts";
import { FakeCluster } from "../client/client_test_cluster.ts";
import { limits } from "../limits.ts";
import { ChatController } from "./chat_controller.ts";
import { ChatModel } from "./chat_model.ts";
import { PlainChat } from "./chat_plain.ts";
import { timeText } from "./chat_text.ts";

async function setUp(prompt: boolean) {
  const clock = new ManualClock({ wall: 0 });
  const cluster = new FakeCluster(["n1:1", "n2:1"]);
  const client = new ChatClient({
    servers: ["n1:1", "n2:1"],
    connect: cluster.connect,
    clock,
    session: { user: "ann", token: "token-ann" },
  });
  const input = new PassThrough();
  const output = new PassThrough();
  let text = "";
  output.on("data", (chunk) => void (text += chunk));
  const plain = new PlainChat({ input, output, prompt, now: clock.wall });
  const model = new ChatModel("ann", {
    onChange: () => plain.changed(),
    onLine: (name, line) => plain.line(name, line),
    onPage: (name, lines) => plain.page(name, lines),
  });
  const end = Promise.withResolvers<void>();
  const controller = new ChatController({
    client,
    clock,
    model,
    canSuspend: true,
    onEnd: () => end.resolve(),
  });
  plain.open(model, controller);
  controller.start();
  await clock.advance(50);
  return {
    clock,
    cluster,
    input,
    ended: end.promise,
    output: () => text,
    async enter(line: string) {
      input.write(`${line}\n`);
      await clock.advance(50);
    },
    stop() {
      plain.close();
      controller.stop();
      client.close();
    },
  };
}

const time = timeText(0, 0);

Deno.test("plain chat: lines in, lines out, the end of the input ends it once all is sent", async () => {
  const { clock, cluster, input, ended, output, enter, stop } = await setUp(false);
  cluster.write("bob", "ann", "before");
  await clock.advance(50);
  await enter("/to bob");
  await enter("hello");
  cluster.write("carl", "ann", "\x1b]0;hm\x07");
  await clock.advance(50);
  input.end();
  await clock.until(ended);
  deepEqual(output().trimEnd().split("\n"), [
    "* connecting, 0 waiting",
    "* connected",
    `${time} bob: before (/to bob to answer)`,
    "* talking to bob",
    "* earlier with bob:",
    `${time} bob: before`,
    `${time} carl: \\u{1b}]0;hm\\u{7} (/to carl to answer)`,
  ]);
  deepEqual(cluster.log.map(({ body }) => body).slice(0, 2), ["before", "hello"]);
  stop();
});

Deno.test("plain chat: what one types at another login is printed, what is typed here is not", async () => {
  const { clock, cluster, output, enter, stop } = await setUp(false);
  await enter("/to bob");
  await enter("here");
  cluster.write("ann", "bob", "there");
  await clock.advance(limits.peopleRefreshMs + 100);
  equal(output().split("\n").at(-2), `${time} you: there`);
  ok(!output().includes("you: here"));
  stop();
});

Deno.test("plain chat: a failover is told, and what was typed meanwhile is sent after it", async () => {
  const { clock, cluster, output, enter, stop } = await setUp(false);
  await enter("/to bob");
  await enter("one");
  cluster.kill("n1:1");
  await enter("two");
  await clock.advance(500);
  cluster.elect("n2:1");
  await clock.advance(1_000);
  ok(output().includes("* electing, 1 waiting\n* connected\n"), output());
  deepEqual(cluster.log.map(({ body }) => body), ["one", "two"]);
  stop();
});

Deno.test("plain chat: a prompt comes back after whatever interrupts it", async () => {
  const { clock, cluster, output, enter, stop } = await setUp(true);
  await enter("/to bob");
  cluster.write("bob", "ann", "yo");
  await clock.advance(50);
  ok(output().endsWith(`bob> \n${time} bob: yo\nbob> `), JSON.stringify(output()));
  equal(output().includes("\x1b"), false);
  stop();
});
