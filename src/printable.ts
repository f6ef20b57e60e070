/**
 * Text from others as a terminal, or a program's line, may have it. Owns what a terminal would act
 * on, and its two visible forms; it never writes anything itself.
 *
 * @module
 */

/**
 * C0, DEL and C1 controls, line and paragraph separators, marks that reverse direction or change how
 * what follows is shown, and halves of characters.
 */
const UNSAFE =
  /[\p{Cc}\u061c\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb]|\p{Cs}/gu;

/** `text` on one line, with everything a terminal would act on shown as an escape. */
export function printable(text: string): string {
  return text.replace(UNSAFE, escapeOf);
}

/** A value as one line of JSON, in which such characters stand as JSON's own escapes. */
export function jsonLine(value: object): string {
  return JSON.stringify(value).replace(UNSAFE, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

function escapeOf(character: string): string {
  switch (character) {
    case "\n":
      return "\\n";
    case "\t":
      return "\\t";
    case "\r":
      return "\\r";
    default:
      return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  }
}
