/**
 * Text in cells: cutting, padding and wrapping to a number of columns. Owns the arithmetic of
 * wide and combining characters on a screen; what it gets is printable already.
 *
 * @module
 */

import { charactersOf } from "./line_editor.ts";
import { columnsOf } from "./text.ts";

/** As much of `text` as fits, with an ellipsis if that is not all. */
export function cut(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  if (columns <= 0) return "";
  let kept = "";
  let used = 0;
  for (const character of charactersOf(text)) {
    used += columnsOf(character);
    if (used > columns - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

/** `text` cut or filled with spaces to exactly `columns`. */
export function fit(text: string, columns: number): string {
  const kept = cut(text, columns);
  return kept + " ".repeat(Math.max(0, columns - columnsOf(kept)));
}

/** `text` in lines of at most `columns`, broken at spaces where there are some; indented as it is. */
export function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let line: string | null = null;
  for (const word of text.split(" ").flatMap((one) => pieces(one, columns))) {
    const longer: string = line === null
      ? word.text
      : word.joined
      ? line + word.text
      : `${line} ${word.text}`;
    if (line === null || columnsOf(longer) <= columns) line = longer;
    else {
      lines.push(line);
      line = word.text;
    }
  }
  return [...lines, line ?? ""];
}

/** A word in pieces that fit a line; all but the first are joined to the one before. */
function pieces(word: string, columns: number): readonly { text: string; joined: boolean }[] {
  if (columnsOf(word) <= columns) return [{ text: word, joined: false }];
  const found: string[] = [];
  let piece = "";
  for (const character of charactersOf(word)) {
    if (piece !== "" && columnsOf(piece + character) > columns) {
      found.push(piece);
      piece = "";
    }
    piece += character;
  }
  return [...found, piece].map((text, at) => ({ text, joined: at > 0 }));
}
