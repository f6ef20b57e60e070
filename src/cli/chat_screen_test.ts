/**
 * Tests of the drawn screen: that rows fill the terminal exactly, whatever others write, and
 * what is where at 80 by 24.
 *
 * @module
 */

import { equal, match, ok } from "node:assert/strict";
import fc from "fast-check";
import type { ClientState } from "../client/chat_client.ts";
import { ChatModel } from "./chat_model.ts";
import { drawChat, type Frame } from "./chat_screen.ts";
import { LineEditor } from "./line_editor.ts";
import { columnsOf } from "./text.ts";

const NOON = new Date(2030, 0, 31, 12, 0).getTime();
const CONNECTED: ClientState = { phase: "connected", leader: "n1:1", waiting: 0, unsent: 0 };

function textOf(frame: Frame): readonly string[] {
  return frame.rows.map((row) => row.map((piece) => piece.text).join(""));
}

function setUp() {
  const model = new ChatModel("ann", { onChange: () => {} });
  const editor = new LineEditor();
  let seq = 0;
  model.setState(CONNECTED);
  model.setPeople([
    { name: "bob", online: true, lastSeenMs: null },
    { name: "carl", online: false, lastSeenMs: NOON - 60_000 },
  ]);
  return {
    model,
    editor,
    receive(from: string, body: string) {
      seq++;
      const position = `${seq}.0.1.n`;
      model.receive({
        id: `${seq}`,
        seq,
        position,
        from,
        to: "ann",
        body,
        sentAtMs: NOON,
        acknowledged: false,
      });
    },
    draw(options: { columns?: number; rows?: number; scroll?: number } = {}) {
      const { columns = 80, rows = 24, scroll = 0 } = options;
      const state = { model, editor, columns, rows, scroll, nowMs: NOON, unicode: true };
      return drawChat(state);
    },
  };
}

Deno.test("chat screen: people, conversation, news and input at 80 by 24", () => {
  const { model, editor, receive, draw } = setUp();
  model.open("bob");
  receive("bob", "hello Ann");
  receive("carl", "are you there?");
  editor.insert("typing");
  const rows = textOf(draw());
  equal(rows.length, 24);
  match(rows[0] ?? "", /^ jmessage {2}ann .* connected, n1:1 leads $/);
  match(rows[1] ?? "", /^ ○ carl {10} 1 │ bob {2}online/);
  match(rows[2] ?? "", /^ ● bob {14}│ 12:00 bob: hello Ann/);
  match(rows[22] ?? "", /^ new from carl \(Tab\): are you there\?/);
  match(rows[23] ?? "", /^bob> typing/);
});

Deno.test("chat screen: lines of a message are indented as they were sent", () => {
  const { model, receive, draw } = setUp();
  model.open("bob");
  receive("bob", "if x:\n\ttab\n  spaces");
  const rows = textOf(draw());
  match(rows[3] ?? "", /│ {12} {4}tab/);
  match(rows[4] ?? "", /│ {12} {2}spaces/);
});

Deno.test("chat screen: says that an election is on, and how much waits", () => {
  const { model, draw } = setUp();
  model.setState({ phase: "electing", leader: null, waiting: 3, unsent: 2 });
  match(textOf(draw())[0] ?? "", / electing, 2 waiting $/);
});

Deno.test("chat screen: the cursor is where the next character goes", () => {
  const { model, editor, draw } = setUp();
  model.open("bob");
  editor.insert("日本a");
  editor.press({ name: "left" });
  const { cursor } = draw();
  equal(cursor.row, 23);
  equal(cursor.column, "bob> ".length + 4);
  editor.insert("x".repeat(300));
  ok(draw().cursor.column < 80);
});

Deno.test("chat screen: the newest lines are seen, and older ones by scrolling", () => {
  const { model, receive, draw } = setUp();
  model.open("bob");
  for (let at = 1; at <= 50; at++) receive("bob", `line ${at}.`);
  const last = textOf(draw()).join("\n");
  ok(last.includes("line 50."));
  ok(!last.includes("line 20."));
  const back = textOf(draw({ scroll: 30 })).join("\n");
  ok(back.includes("line 20."));
  ok(!back.includes("line 50."));
  ok(textOf(draw({ scroll: 50 })).join("\n").includes("line 1."));
});

Deno.test("chat screen: a narrow terminal shows the conversation alone", () => {
  const { model, receive, draw } = setUp();
  model.open("bob");
  receive("bob", "hello");
  const rows = textOf(draw({ columns: 40, rows: 10 }));
  match(rows[2] ?? "", /^ 12:00 bob: hello/);
  ok(!rows.join("").includes("│"));
});

Deno.test("chat screen: nothing that others write moves the cursor or reverses the text", () => {
  const { model, receive, draw } = setUp();
  const nasty = "\x1b[2J\x1b]0;title\x07\u009b31m\u202eevil\u2066\u061c\r\n\tend";
  model.setPeople([{ name: nasty, online: true, lastSeenMs: null }]);
  receive(nasty, nasty);
  receive("bob", nasty);
  model.open("bob");
  model.notice("bob", nasty, NOON);
  const drawn = textOf(draw()).join("");
  // deno-lint-ignore no-control-regex -- these are what must not be there
  ok(!/[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(drawn));
  ok(drawn.includes("evil"));
});

Deno.test("chat screen: every row fills the terminal exactly, at any size", () => {
  const text = fc.string({ unit: "binary", maxLength: 200 });
  const sizes = fc.record({
    columns: fc.integer({ min: 30, max: 130 }),
    rows: fc.integer({ min: 8, max: 40 }),
    scroll: fc.nat(60),
  });
  fc.assert(fc.property(fc.array(text, { maxLength: 30 }), sizes, (texts, size) => {
    const { model, editor, receive, draw } = setUp();
    model.open("bob");
    for (const body of texts) receive("bob", body);
    receive("carl", texts[0] ?? "hi");
    editor.insert(texts[1] ?? "");
    const frame = draw(size);
    equal(frame.rows.length, size.rows);
    for (const row of textOf(frame)) equal(columnsOf(row), size.columns, row);
    ok(frame.cursor.column >= 0 && frame.cursor.column < size.columns);
  }));
});
