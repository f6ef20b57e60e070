/**
 * Shows that nothing from others can act on a reader's terminal, and that tables line up.
 *
 * @module
 */

import assert from "node:assert/strict";
import { columnsOf, printable, shellWord, table } from "./text.ts";

Deno.test("printable: what a terminal would act on becomes visible", () => {
  assert.equal(printable("hi\x1b[2J\x07"), "hi\\u{1b}[2J\\u{7}");
  assert.equal(printable("a\nb\tc\r"), "a\\nb\\tc\\r");
  assert.equal(printable("\u009b31m"), "\\u{9b}31m");
  assert.equal(printable("abc\u202etxt"), "abc\\u{202e}txt");
  assert.equal(printable("\ud800"), "\\u{d800}");
});

Deno.test("printable: letters of every script stay as they are", () => {
  const text = "grüß Gott, 你好, مرحبا, 👋🏽";
  assert.equal(printable(text), text);
});

Deno.test("columns: wide characters count two, combining marks none", () => {
  assert.equal(columnsOf("abc"), 3);
  assert.equal(columnsOf("你好"), 4);
  assert.equal(columnsOf("e\u0301"), 1);
  // As terminals draw them: one picture.
  for (const picture of ["👍", "👍🏽", "👨‍👩‍👧", "🇩🇪"]) {
    assert.equal(columnsOf(`${picture}a`), 3, picture);
  }
  assert.equal(columnsOf("🇩🇪🇫🇷"), 4);
});

Deno.test("table: columns line up, numbers stand to the right", () => {
  const text = table(["NAME", "N"], [["al", 5], ["你好呀", 12]]);
  assert.equal(text, "NAME     N\nal       5\n你好呀  12");
});

Deno.test("table: a cell cannot break its line", () => {
  assert.equal(table(["NAME"], [["a\nb"]]), "NAME\na\\nb");
});

Deno.test("shell word: quoted only where a shell would take it apart", () => {
  assert.equal(shellWord("/srv/jmessage-1"), "/srv/jmessage-1");
  assert.equal(shellWord("re stored"), "'re stored'");
  assert.equal(shellWord("it's"), "'it'\\''s'");
  assert.equal(shellWord(""), "''");
  assert.equal(shellWord("a\nb$(c)"), "'a\\nb$(c)'");
});
