/**
 * Tests of the line being typed: every key, and characters of several code points.
 *
 * @module
 */

import { deepEqual, equal, ok } from "node:assert/strict";
import { limits } from "../limits.ts";
import { type Key, LineEditor } from "./line_editor.ts";

function typed(text: string): LineEditor {
  const editor = new LineEditor();
  editor.insert(text);
  return editor;
}

Deno.test("line editor: types, moves and deletes by characters as people see them", () => {
  const editor = typed("a👨‍👩‍👧e\u0301z");
  equal(editor.parts.before.length, 4);
  editor.press({ name: "left" });
  editor.press({ name: "backspace" });
  equal(editor.text, "a👨‍👩‍👧z");
  editor.press({ name: "backspace" });
  equal(editor.text, "az");
  editor.press({ name: "home" });
  editor.press({ name: "delete" });
  equal(editor.text, "z");
});

Deno.test("line editor: an accent joins the letter before it", () => {
  const editor = typed("e");
  editor.insert("\u0301");
  equal(editor.parts.before.length, 1);
  editor.insert("x");
  equal(editor.text, "e\u0301x");
});

Deno.test("line editor: control keys as in every shell", () => {
  const editor = typed("one two three");
  editor.press({ name: "w", ctrl: true });
  equal(editor.text, "one two ");
  editor.press({ name: "a", ctrl: true });
  editor.insert("> ");
  equal(editor.text, "> one two ");
  editor.press({ name: "k", ctrl: true });
  equal(editor.text, "> ");
  editor.press({ name: "u", ctrl: true });
  equal(editor.text, "");
  ok(!editor.press({ name: "x", ctrl: true }));
});

Deno.test("line editor: words are passed and deleted as in every shell", () => {
  const editor = typed("one two  three");
  const before = (key: Key) => {
    ok(editor.press(key));
    return editor.parts.before.join("");
  };
  equal(before({ name: "left", ctrl: true }), "one two  ");
  equal(before({ name: "b", meta: true }), "one ");
  equal(before({ name: "left", meta: true }), "");
  equal(before({ name: "left", ctrl: true }), "");
  equal(before({ name: "right", ctrl: true }), "one");
  equal(before({ name: "f", meta: true }), "one two");
  equal(before({ name: "backspace", meta: true }), "one ");
  equal(editor.text, "one   three");
  equal(before({ name: "d", meta: true }), "one ");
  equal(before({ name: "d", meta: true }), "one ");
  equal(editor.text, "one ");
  ok(!editor.press({ name: "x", meta: true }));
});

Deno.test("line editor: earlier lines come back, and the draft is kept", () => {
  const editor = new LineEditor();
  for (const line of ["first", "second", "second", "  "]) {
    editor.insert(line);
    editor.take();
  }
  editor.insert("draft");
  const seen = ["up", "up", "up", "down", "down", "down"].map((name) => {
    editor.press({ name });
    return editor.text;
  });
  deepEqual(seen, ["second", "first", "first", "second", "draft", "draft"]);
});

Deno.test("line editor: what is typed and what is remembered is bounded", () => {
  const editor = typed("x".repeat(limits.inputLengthMax + 10));
  equal(editor.text.length, limits.inputLengthMax);
  for (let count = 0; count < limits.inputHistoryLines + 10; count++) {
    editor.take();
    editor.insert(`line ${count}`);
  }
  for (let count = 0; count < 2 * limits.inputHistoryLines; count++) editor.press({ name: "up" });
  ok(editor.text.startsWith("line "));
});
