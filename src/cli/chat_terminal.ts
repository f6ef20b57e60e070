/**
 * A terminal used as a screen: raw keys in, rows out. Owns the escape sequences, and that the
 * terminal is left as it was found however the chat ends; what is drawn is `chat_screen.ts`'s.
 *
 * @module
 */

import type { Frame, Piece, Style } from "./chat_screen.ts";
import type { Key } from "./line_editor.ts";

/** The part of stdin that a screen needs; tests pass a fake. */
export interface KeySource {
  setRawMode?(raw: boolean): unknown;
  resume(): unknown;
  pause(): unknown;
  on(event: "keypress", listener: (text: string | undefined, key: Key) => void): unknown;
  off(event: "keypress", listener: (text: string | undefined, key: Key) => void): unknown;
  once(event: "end", listener: () => void): unknown;
}

/** The part of stdout that a screen needs; tests pass a fake. */
export interface ScreenSink {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
  on(event: "resize", listener: () => void): unknown;
  off(event: "resize", listener: () => void): unknown;
}

/** Who is told what the terminal does. */
export interface TerminalListeners {
  readonly onKey: (text: string, key: Key) => void;
  readonly onResize: () => void;
  /** Nothing will be typed any more. */
  readonly onEnd: () => void;
}

const STYLES: Readonly<Record<Style, string>> = {
  plain: "",
  bold: "\x1b[1m",
  dim: "\x1b[2m",
  inverse: "\x1b[7m",
  good: "\x1b[32m",
  warning: "\x1b[1;7m",
};
const RESET = "\x1b[0m";

/** Alternate screen, no wrapping at the last column, pastes marked as such. */
const ENTER = "\x1b[?1049h\x1b[?7l\x1b[?2004h\x1b[2J";
/** Without the `~` that ends them. */
const PASTE_MARKS: Readonly<Record<string, string>> = {
  "\x1b[200": "paste-start",
  "\x1b[201": "paste-end",
};
const LEAVE = "\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[0m\x1b[?1049l";

/** One terminal while a chat has it. */
export class ChatTerminal {
  readonly #source: KeySource;
  readonly #sink: ScreenSink;
  readonly #listeners: TerminalListeners;
  /** What each row shows now: only what changed is written. */
  #shown: string[] = [];
  #open = false;
  #watchesEnd = false;
  /** The mark of a paste of which the end is still to come. */
  #mark: string | null = null;

  constructor(source: KeySource, sink: ScreenSink, listeners: TerminalListeners) {
    this.#source = source;
    this.#sink = sink;
    this.#listeners = listeners;
  }

  get columns(): number {
    return this.#sink.columns ?? 80;
  }

  get rows(): number {
    return this.#sink.rows ?? 24;
  }

  /** Takes the terminal; also again after {@linkcode ChatTerminal.close}, or to draw it anew. */
  open(): void {
    this.#shown = [];
    this.#mark = null;
    if (this.#open) {
      // Whoever had it meanwhile may have left it otherwise, which a runtime that set it once does
      // not see: it must be told both.
      this.#setRaw(false);
      this.#setRaw(true);
      this.#sink.write(ENTER);
      return;
    }
    this.#open = true;
    this.#source.setRawMode?.(true);
    this.#source.resume();
    this.#source.on("keypress", this.#onKey);
    if (!this.#watchesEnd) this.#source.once("end", () => this.#listeners.onEnd());
    this.#watchesEnd = true;
    this.#sink.on("resize", this.#onResize);
    this.#sink.write(ENTER);
  }

  /** Leaves the terminal as it was; may be called twice. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#sink.off("resize", this.#onResize);
    this.#source.off("keypress", this.#onKey);
    this.#setRaw(false);
    this.#source.pause();
    this.#sink.write(LEAVE);
  }

  /** A window that was closed takes its terminal with it, and wakes who was stopped: all is well. */
  #setRaw(raw: boolean): void {
    try {
      this.#source.setRawMode?.(raw);
    } catch {
      // Nothing is left to be set, and the hangup ends the chat.
    }
  }

  /** Forgets what is shown: the next frame is written whole. */
  clear(): void {
    this.#shown = [];
    this.#sink.write("\x1b[2J");
  }

  /** Shows a frame. */
  show(frame: Frame): void {
    if (!this.#open) return;
    let out = "";
    for (const [at, pieces] of frame.rows.entries()) {
      const text = pieces.map(styled).join("");
      if (this.#shown[at] === text) continue;
      this.#shown[at] = text;
      // Cleared: terminals differ in how wide some characters are, and what was there would show.
      out += `\x1b[${at + 1};1H\x1b[2K${text}`;
    }
    const { row, column } = frame.cursor;
    this.#sink.write(`${out}\x1b[${row + 1};${column + 1}H`);
  }

  /** Deno reads the mark of a paste, such as `ESC[200~`, as two keys: the `~` comes by itself. */
  readonly #onKey = (text: string | undefined, key: Key): void => {
    const mark = this.#mark;
    this.#mark = PASTE_MARKS[key.sequence ?? ""] ?? null;
    if (this.#mark !== null) return;
    if (mark === null || text !== "~") return this.#listeners.onKey(text ?? "", key);
    this.#listeners.onKey("", { name: mark });
  };

  readonly #onResize = (): void => {
    this.#shown = [];
    this.#sink.write("\x1b[2J");
    this.#listeners.onResize();
  };
}

function styled({ text, style }: Piece): string {
  return style === "plain" || text === "" ? text : `${STYLES[style]}${text}${RESET}`;
}
