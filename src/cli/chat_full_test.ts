/**
 * Tests of the interactive chat on a fake terminal: keys in, escape sequences out, and the
 * terminal left as it was found. A little emulator shows what a person would see.
 *
 * @module
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { EventEmitter } from "node:events";
import { emitKeypressEvents } from "node:readline";
import { PassThrough } from "node:stream";
import { ChatClient } from "../client/chat_client.ts";
import { ManualClock } from "../client/client_test_clock.ts";
import { FakeCluster } from "../client/client_test_cluster.ts";
import { limits } from "../limits.ts";
import { ChatController } from "./chat_controller.ts";
import { FullChat } from "./chat_full.ts";
import { ChatModel } from "./chat_model.ts";
import { ChatTerminal, type KeySource, type ScreenSink } from "./chat_terminal.ts";
import type { Key } from "./line_editor.ts";

class FakeKeys extends EventEmitter implements KeySource {
  raw = false;
  flowing = false;
  setRawMode(raw: boolean): void {
    this.raw = raw;
  }
  resume(): void {
    this.flowing = true;
  }
  pause(): void {
    this.flowing = false;
  }
}

/** Understands what the chat writes: moves, clearing, and text; the rest must be known. */
class FakeScreen extends EventEmitter implements ScreenSink {
  columns = 80;
  rows = 24;
  /** Its size, once somebody looks. */
  size: { readonly columns: number; readonly rows: number } | null = null;
  alternate = false;
  written = 0;
  cells: string[][] = [];
  cursor = { row: 0, column: 0 };

  write(text: string): void {
    this.written += text.length;
    // deno-lint-ignore no-control-regex -- an escape sequence, or one character
    for (const [token] of text.matchAll(/\x1b\[([?0-9;]*)([A-Za-z])|[^]/gu)) this.#take(token);
  }

  remeasure(): void {
    if (this.size === null) return;
    Object.assign(this, this.size);
    this.emit("resize");
  }

  line(row: number): string {
    return (this.cells[row] ?? []).join("").trimEnd();
  }

  #take(token: string): void {
    // deno-lint-ignore no-control-regex -- as above
    const [, words = "", letter = ""] = /^\x1b\[([?0-9;]*)([A-Za-z])$/.exec(token) ?? [];
    if (letter === "H") {
      const [row = 1, column = 1] = words.split(";").map(Number);
      this.cursor = { row: row - 1, column: column - 1 };
    } else if (letter === "J") this.cells = [];
    else if (letter === "K") this.cells[this.cursor.row] = [];
    else if (words === "?1049") this.alternate = letter === "h";
    else if (letter === "") {
      ok(token >= " ", `a control character was written: ${JSON.stringify(token)}`);
      const row = this.cells[this.cursor.row] ??= [];
      row[this.cursor.column++] = token;
    } else ok(letter === "m" || words.startsWith("?"), `unknown sequence ${JSON.stringify(token)}`);
  }
}

async function setUp() {
  const clock = new ManualClock();
  const cluster = new FakeCluster(["n1:1", "n2:1"]);
  cluster.users.push({ name: "bob", online: true, lastSeenMs: null });
  const client = new ChatClient({
    servers: ["n1:1", "n2:1"],
    connect: cluster.connect,
    clock,
    session: { user: "ann", token: "token-ann" },
  });
  const keys = new FakeKeys();
  const screen = new FakeScreen();
  const bytes = new PassThrough();
  emitKeypressEvents(bytes);
  bytes.on("keypress", (text, key) => keys.emit("keypress", text, key));
  const left: boolean[] = [];
  const suspend = () => void left.push(!keys.raw && !keys.flowing && !screen.alternate);
  const full = new FullChat({
    source: keys,
    sink: screen,
    unicode: true,
    now: clock.wall,
    suspend,
    remeasure: () => screen.remeasure(),
  });
  const model = new ChatModel("ann", {
    onChange: () => full.draw(),
    onLine: (name, line) => full.added(name, line),
  });
  let ended = 0;
  const onEnd = () => void ended++;
  const controller = new ChatController({ client, clock, model, canSuspend: true, onEnd });
  full.open(model, controller);
  controller.start();
  await clock.advance(100);
  const press = async (name: string, options: Key & { readonly text?: string } = {}) => {
    keys.emit("keypress", options.text, { ...options, name });
    await clock.advance(10);
  };
  return {
    clock,
    cluster,
    keys,
    model,
    screen,
    press,
    ended: () => ended,
    /** For each time that it was suspended: whether it had left the terminal as it was. */
    left,
    continued: () => full.continued(),
    /** As a terminal sends it, and the runtime makes keys of it. */
    async feed(text: string) {
      bytes.write(text);
      await clock.advance(10);
    },
    async type(text: string) {
      for (const character of text) await press(character, { text: character });
    },
    async stop() {
      full.close();
      controller.stop();
      client.close();
      await clock.settle();
    },
  };
}

Deno.test("chat on a terminal: what is typed is seen, sent, and answered", async () => {
  const { clock, cluster, screen, press, type, stop } = await setUp();
  await type("/to bob");
  equal(screen.line(23), "nobody> /to bob");
  deepEqual(screen.cursor, { row: 23, column: 15 });
  await press("return");
  await type("hi Bobx");
  await press("backspace");
  await press("return");
  cluster.write("bob", "ann", "\x1b[2Jhi Ann");
  await clock.advance(100);
  match(screen.line(1), /│ bob {2}online$/);
  match(screen.line(2), /you: hi Bob$/);
  match(screen.line(3), /bob: \\u\{1b\}\[2Jhi Ann$/);
  equal(screen.line(23), "bob>");
  await stop();
});

Deno.test("chat on a terminal: a paste of several lines is one message", async () => {
  const { cluster, feed, type, press, stop } = await setUp();
  await type("/to bob");
  await press("return");
  await feed("\x1b[200~one\rtwo\r\n\tthree~\x1b[20");
  await feed("1~");
  equal(cluster.log.length, 0);
  await feed("!\r");
  deepEqual(cluster.log.map(({ body }) => body), ["one\ntwo\n\tthree~!"]);
  await stop();
});

Deno.test("chat on a terminal: a large paste is cut with a word about it, at once", async () => {
  const { screen, feed, stop } = await setUp();
  const before = performance.now();
  await feed(`\x1b[200~${"long ".repeat(20_000)}\x1b[201~`);
  ok(performance.now() - before < 2_000);
  match(screen.line(1), /-- The paste is cut: a line has at most 16384/);
  await stop();
});

Deno.test("chat on a terminal: a paste longer than any message is cut at one place, with a word about it", async () => {
  const { screen, cluster, type, press, feed, stop } = await setUp();
  await type("/to bob");
  await press("return");
  // Few characters, of many units each.
  const family = "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}\u200d\u{1f466}";
  const most = Math.floor(limits.bodyBytesMax / family.length);
  await feed(`\x1b[200~${family.repeat(most + 10)}`);
  await feed("the end\x1b[201~");
  const rows = Array.from({ length: screen.rows }, (_, at) => screen.line(at)).join("\n");
  match(rows, /-- The paste is cut: a message has at most 65536 bytes/);
  await press("return");
  const [first] = cluster.log;
  ok(first !== undefined && !first.body.includes("the end"));
  ok(first.body.length <= limits.bodyBytesMax);
  // The next one is whole again.
  await feed("\x1b[200~short\x1b[201~");
  await press("return");
  equal(cluster.log.at(-1)?.body, "short");
  await stop();
});

Deno.test("chat on a terminal: a paste whose end was lost is left as any line is", async () => {
  const { cluster, ended, feed, stop } = await setUp();
  await feed("\x1b[200~half of it");
  await feed("\x03\x03");
  ok(ended());
  equal(cluster.log.length, 0);
  await stop();
});

Deno.test("chat on a terminal: the terminal is left as it was found", async () => {
  const { keys, screen, press, ended, stop } = await setUp();
  ok(keys.raw && keys.flowing && screen.alternate);
  await press("d", { ctrl: true, text: "\x04" });
  equal(ended(), 1);
  await stop();
  ok(!keys.raw && !keys.flowing && !screen.alternate);
  equal(keys.listenerCount("keypress"), 0);
  equal(screen.listenerCount("resize"), 0);
});

Deno.test("chat on a terminal: Ctrl-Z gives the terminal back, and it is drawn whole afterwards", async () => {
  const { clock, keys, screen, press, type, left, continued, stop } = await setUp();
  await type("half a li");
  await press("z", { ctrl: true, text: "\x1a" });
  deepEqual(left, [true]);
  for (const times of [1, 2]) {
    screen.cells = [];
    continued();
    await clock.advance(10);
    ok(keys.raw && keys.flowing && screen.alternate, `continued ${times}`);
    match(screen.line(0), /^ jmessage {2}ann/);
    match(screen.line(screen.rows - 1), /half a li$/);
    equal(keys.listenerCount("keypress"), 1);
    equal(keys.listenerCount("end"), 1);
  }
  await stop();
  continued();
  ok(!keys.raw && !screen.alternate, "it stays closed");
});

Deno.test("chat on a terminal: a size that was changed while it was stopped is seen afterwards", async () => {
  const { clock, screen, press, type, continued, stop } = await setUp();
  await type("half");
  await press("z", { ctrl: true });
  screen.size = { columns: 90, rows: 10 };
  continued();
  await clock.advance(10);
  equal(screen.line(9), "nobody> half");
  equal(screen.cells.length, 10);
  await stop();
});

Deno.test("chat on a terminal: without a terminal it ends once nothing waits to be sent", async () => {
  const { clock, cluster, keys, press, type, ended, stop } = await setUp();
  await type("/to bob");
  await press("return");
  for (const node of cluster.nodes.values()) node.hung = true;
  await type("hi");
  await press("return");
  keys.emit("end");
  await clock.advance(100);
  equal(ended(), 0);
  for (const node of cluster.nodes.values()) node.hung = false;
  await clock.advance(60_000);
  equal(ended(), 1);
  deepEqual(cluster.log.map(({ body }) => body), ["hi"]);
  await stop();
});

Deno.test("chat on a terminal: a change writes little, a new size everything", async () => {
  const { clock, screen, press, type, stop } = await setUp();
  await type("/to bob");
  await press("return");
  const before = screen.written;
  await type("x");
  ok(screen.written - before < 120, `${screen.written - before} characters for one key`);
  screen.columns = 50;
  screen.rows = 10;
  screen.emit("resize");
  await clock.advance(10);
  equal(screen.cells.length, 10);
  equal(screen.line(9), "bob> x");
  match(screen.line(0), /n1:1 leads$/);
  await stop();
});

Deno.test("chat on a terminal: a message longer than the screen is read from its beginning, undisturbed", async () => {
  const { clock, model, screen, press, type, stop } = await setUp();
  await type("/to bob");
  await press("return");
  const body = Array.from({ length: 100 }, (_, at) => `row ${at + 1}.`).join("\n");
  const common = { from: "bob", to: "ann", sentAtMs: 0, acknowledged: true };
  model.receive({ ...common, id: "1", seq: 1, position: "1.0.1.n", body });
  for (let at = 0; at < 9; at++) await press("pageup");
  const top = screen.line(2);
  match(top, /bob: row 1\.$/);
  model.receive({ ...common, id: "2", seq: 2, position: "2.0.1.n", body: "two\nrows" });
  await clock.advance(10);
  equal(screen.line(2), top);
  // As far forth as back: what was pressed in vain at the top counts for nothing.
  for (let at = 0; at < 5; at++) await press("pagedown");
  match(screen.line(21), /rows$/);
  await stop();
});

Deno.test("chat on a terminal: nothing is left of a row above one that the terminal draws shorter", () => {
  const screen = new FakeScreen();
  const ignore = () => {};
  const listeners = { onKey: ignore, onResize: ignore, onEnd: ignore };
  const terminal = new ChatTerminal(new FakeKeys(), screen, listeners);
  terminal.open();
  for (const text of ["a long row", "short"]) {
    const rows = [[{ text, style: "plain" as const }]];
    terminal.show({ rows, cursor: { row: 0, column: 0 }, scroll: 0 });
  }
  equal(screen.line(0), "short");
});

Deno.test("chat on a terminal: it is left without an error when its window was closed", async () => {
  const { keys, screen, continued, stop } = await setUp();
  keys.setRawMode = () => {
    throw new Error("setRawMode failed with errno: 5");
  };
  // As the system tells it, together with the hangup.
  continued();
  await stop();
  deepEqual([keys.flowing, screen.alternate], [false, false]);
});

Deno.test("chat on a terminal: control characters cannot be typed into a message", async () => {
  const { cluster, press, type, stop } = await setUp();
  await type("/to bob");
  await press("return");
  await type("a");
  await press("undefined", { text: "\x1b" });
  await press("x", { ctrl: true, text: "\x18" });
  await press("x", { meta: true, text: "x" });
  await type("z");
  await press("return");
  deepEqual(cluster.log.map(({ body }) => body), ["az"]);
  await stop();
});
