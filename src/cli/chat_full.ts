/**
 * The interactive chat on a full screen. Owns what each key does and when it is drawn again;
 * the doings are the controller's, the looks `chat_screen.ts`'s.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { nameKey } from "../chat/name.ts";
import { limits } from "../limits.ts";
import { type ChatController, NOBODY } from "./chat_controller.ts";
import type { ChatModel, TalkLine } from "./chat_model.ts";
import { drawChat, heightOf, type ScreenState } from "./chat_screen.ts";
import { ChatTerminal, type KeySource, type ScreenSink } from "./chat_terminal.ts";
import { type Key, LineEditor } from "./line_editor.ts";

export interface FullChatOptions {
  readonly source: KeySource;
  readonly sink: ScreenSink;
  readonly unicode: boolean;
  readonly now: () => number;
  /** Stops the process, as Ctrl-Z does elsewhere; absent where that cannot be. */
  readonly suspend?: (() => void) | undefined;
  /** Has the runtime look how large the terminal is: who is stopped is not told of a new size. */
  readonly remeasure?: (() => void) | undefined;
}

/** One full-screen chat. */
export class FullChat {
  readonly #options: FullChatOptions;
  readonly #terminal: ChatTerminal;
  readonly #editor = new LineEditor();
  #model: ChatModel | null = null;
  #controller: ChatController | null = null;
  #scroll = 0;
  #pasting = false;
  /** What was pasted since the screen was drawn: by itself each key would take a look at all. */
  #pasted = "";
  #afterReturn = false;
  /** UTF-16 units of the paste so far: above those of any message, whatever a character has. */
  #pasteLength = 0;
  /** Of this paste, the rest is left out, and that has been said. */
  #isCut = false;
  #drawing = false;
  #closed = false;

  constructor(options: FullChatOptions) {
    this.#options = options;
    this.#terminal = new ChatTerminal(options.source, options.sink, {
      onKey: (text, key) => this.#onKey(text, key),
      onResize: () => this.draw(),
      onEnd: () => void this.#controller?.leaveSettled(),
    });
  }

  open(model: ChatModel, controller: ChatController): void {
    this.#model = model;
    this.#controller = controller;
    this.#terminal.open();
    this.draw();
  }

  close(): void {
    this.#closed = true;
    this.#terminal.close();
  }

  /** The process was stopped, and goes on: somebody else may have had the terminal meanwhile. */
  continued(): void {
    if (this.#closed || this.#model === null) return;
    this.#terminal.open();
    this.#options.remeasure?.();
    this.draw();
  }

  /** Draws soon: what changes in one turn of the event loop is drawn once. */
  draw(): void {
    if (this.#drawing) return;
    this.#drawing = true;
    setImmediate(() => {
      this.#drawing = false;
      this.#takePasted();
      if (this.#model === null) return;
      const frame = drawChat(this.#state(this.#model));
      this.#scroll = frame.scroll;
      this.#terminal.show(frame);
    });
  }

  /** A line was added below: what somebody reads further back stays where it is. */
  added(name: string, line: TalkLine): void {
    const model = this.#model;
    if (this.#scroll === 0 || model === null) return;
    if (nameKey(name) !== nameKey(model.current ?? NOBODY)) return;
    this.#scroll += heightOf(line, this.#state(model));
  }

  #state(model: ChatModel): ScreenState {
    return {
      model,
      editor: this.#editor,
      columns: this.#terminal.columns,
      rows: this.#terminal.rows,
      scroll: this.#scroll,
      nowMs: this.#options.now(),
      unicode: this.#options.unicode,
    };
  }

  #onKey(text: string, key: Key): void {
    if (key.name === "paste-start") this.#startPaste();
    else if (key.name === "paste-end") this.#pasting = false;
    // No terminal pastes a Ctrl-C: the end of the paste was lost, and somebody wants out.
    else if (this.#pasting && !isInterrupt(key)) this.#paste(text, key);
    else {
      this.#pasting = false;
      this.#takePasted();
      if (!this.#command(key) && !this.#editor.press(key)) this.#type(text, key);
    }
    this.draw();
  }

  #startPaste(): void {
    // What is left of the one before belongs to that.
    this.#takePasted();
    this.#pasting = true;
    this.#isCut = false;
    this.#pasteLength = 0;
    this.#afterReturn = false;
  }

  #paste(text: string, key: Key): void {
    // Lines end with CR as a terminal pastes them, some with CR LF, which are one end.
    const isSameEnd = key.name === "enter" && this.#afterReturn;
    this.#afterReturn = key.name === "return";
    if (isSameEnd || this.#isCut) return;
    const more = key.name === "return" ? "\n" : text;
    this.#pasteLength += more.length;
    if (this.#pasteLength > limits.bodyBytesMax) {
      this.#takePasted();
      return this.#cut(`a message has at most ${limits.bodyBytesMax} bytes`);
    }
    this.#pasted += more;
  }

  #takePasted(): void {
    const text = this.#pasted;
    this.#pasted = "";
    if (text === "" || this.#editor.insert(text)) return;
    this.#cut(`a line has at most ${limits.inputLengthMax} characters`);
  }

  /** Once for a paste: no later part of it may follow on what was left out. */
  #cut(why: string): void {
    if (this.#isCut || this.#model === null) return;
    this.#isCut = true;
    const remark = `The paste is cut: ${why}.`;
    this.#model.notice(this.#model.current ?? NOBODY, remark, this.#options.now());
  }

  /** Keys that are not about the line. True if it was one. */
  #command(key: Key): boolean {
    const page = Math.max(1, this.#terminal.rows - 5);
    switch (key.ctrl ? `ctrl-${key.name}` : key.name) {
      case "return":
      case "enter":
        this.#enter();
        return true;
      case "tab":
        this.#scroll = 0;
        void this.#controller?.openNext();
        return true;
      case "pageup":
        this.#scrollBy(page);
        return true;
      case "pagedown":
        this.#scrollBy(-page);
        return true;
      case "ctrl-c":
        this.#controller?.leave();
        return true;
      case "ctrl-d":
        if (this.#editor.text !== "") return false;
        this.#controller?.leave();
        return true;
      case "ctrl-z":
        if (this.#options.suspend === undefined) return false;
        this.#terminal.close();
        this.#options.suspend();
        return true;
      case "ctrl-l":
        this.#terminal.clear();
        return true;
      default:
        return false;
    }
  }

  /** What is left and can be seen is typed. */
  #type(text: string, key: Key): void {
    if (key.ctrl || key.meta || text === "" || /^\p{Cc}/u.test(text)) return;
    this.#editor.insert(text);
  }

  #enter(): void {
    this.#scroll = 0;
    const line = this.#editor.take();
    if (line.trim() !== "") void this.#controller?.enter(line);
  }

  /** Back, or forth; how far that can be is known when it is drawn. */
  #scrollBy(rows: number): void {
    this.#scroll = Math.max(0, this.#scroll + rows);
  }
}

function isInterrupt({ ctrl, name }: Key): boolean {
  return ctrl === true && name === "c";
}
