/**
 * Text as a terminal may show it. Owns that what came from others (names, message bodies, error
 * texts) is escaped, so that nobody can move a reader's cursor, colour the screen or fake a line, and
 * the layout of tables; it never writes anything itself.
 *
 * @module
 */

import { printable } from "../printable.ts";
import { charactersOf } from "./line_editor.ts";

export { printable };

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const NARROW = /\p{Mn}|\p{Me}|\p{Cf}/u;

/** What joins characters to one picture: flags are of two letters, people of several and a colour. */
const JOINING = /[\u200d\u{1f1e6}-\u{1f1ff}\u{1f3fb}-\u{1f3ff}]/u;
const PICTURE = /^[\p{Extended_Pictographic}\u{1f1e6}-\u{1f1ff}]/u;

/** Terminal columns that `text` takes: wide characters count two, combining marks none. */
export function columnsOf(text: string): number {
  if (!JOINING.test(text)) return columnsEach(text);
  return charactersOf(text).reduce((columns, character) => {
    const [first = ""] = character;
    return columns + columnsEach(PICTURE.test(character) ? first : character);
  }, 0);
}

function columnsEach(text: string): number {
  let columns = 0;
  for (const character of text) {
    columns += NARROW.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  }
  return columns;
}

/**
 * Rows under a heading, columns aligned by two spaces, numbers to the right; `null` is a number that
 * nobody knows, shown as "-". Cells are made printable. Without rows there is only the heading.
 */
export function table(
  heading: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
): string {
  const cells = rows.map((row) => row.map((cell) => printable(String(cell ?? "-"))));
  const widths = heading.map((title, column) =>
    Math.max(columnsOf(title), ...cells.map((row) => columnsOf(row[column] ?? "")))
  );
  const right = heading.map((_, column) =>
    rows.length > 0 && rows.every((row) => row[column] === null || typeof row[column] === "number")
  );
  const line = (row: readonly string[]) =>
    widths.map((width, column) => {
      const cell = row[column] ?? "";
      const space = " ".repeat(width - columnsOf(cell));
      return right[column] ? space + cell : cell + space;
    }).join("  ").trimEnd();
  return [line(heading), ...cells.map(line)].join("\n");
}

/** A word of a command that people copy into a shell: quoted where a shell would take it apart. */
export function shellWord(text: string): string {
  const word = printable(text);
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
