/**
 * Tests of cutting and wrapping: no line is wider than it may be, and no character is lost.
 *
 * @module
 */

import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { cut, fit, wrap } from "./screen_text.ts";
import { columnsOf } from "./text.ts";

Deno.test("screen text: cuts with an ellipsis, and fills to the width", () => {
  equal(cut("hello", 5), "hello");
  equal(cut("hello!", 5), "hell…");
  equal(fit("hi", 4), "hi  ");
  equal(fit("日本語", 4), "日… ");
  equal(cut("x", 0), "");
});

Deno.test("screen text: wraps at spaces, and long words where they end", () => {
  deepEqual(wrap("the quick brown fox", 10), ["the quick", "brown fox"]);
  deepEqual(wrap("a abcdefghijkl b", 5), ["a", "abcde", "fghij", "kl b"]);
  deepEqual(wrap("", 5), [""]);
  deepEqual(wrap("  if  x then", 7), ["  if  x", "then"]);
  deepEqual(wrap("日本語です", 4), ["日本", "語で", "す"]);
});

Deno.test("screen text: wrapping loses nothing and is never too wide", () => {
  const words = fc.array(fc.constantFrom("a", "bb", "longer", "日本", "e\u0301", "verylongword"));
  fc.assert(fc.property(words, fc.integer({ min: 4, max: 20 }), (list, columns) => {
    const text = list.join(" ");
    const lines = wrap(text, columns);
    ok(lines.every((line) => columnsOf(line) <= columns));
    equal(lines.join("").replaceAll(" ", ""), text.replaceAll(" ", ""));
    ok(lines.every((line) => columnsOf(fit(line, columns)) === columns));
  }));
});
