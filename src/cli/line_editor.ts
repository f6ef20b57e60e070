/**
 * The line being typed: its text, where the cursor is, and earlier lines. Owns what each key
 * does to them; it draws nothing.
 *
 * @module
 */

import { limits } from "../limits.ts";

/** A key as `node:readline` reports it. */
export interface Key {
  readonly name?: string | undefined;
  /** What the terminal sent for it. */
  readonly sequence?: string | undefined;
  readonly ctrl?: boolean | undefined;
  readonly meta?: boolean | undefined;
}

const graphemes = new Intl.Segmenter();

/** What a person sees as characters. */
export function charactersOf(text: string): readonly string[] {
  return [...graphemes.segment(text)].map(({ segment }) => segment);
}

/** One line of input. */
export class LineEditor {
  #characters: string[] = [];
  #cursor = 0;
  /** Oldest first. */
  readonly #history: string[] = [];
  /** Which earlier line is shown; its length while a new one is typed. */
  #shown = 0;
  /** The new line, while an earlier one is shown. */
  #draft = "";

  get text(): string {
    return this.#characters.join("");
  }

  /** Characters before the cursor, and after it. */
  get parts(): { readonly before: readonly string[]; readonly after: readonly string[] } {
    return {
      before: this.#characters.slice(0, this.#cursor),
      after: this.#characters.slice(this.#cursor),
    };
  }

  /** Takes the line, and remembers it. */
  take(): string {
    const { text } = this;
    this.#set("");
    if (text.trim() !== "" && this.#history.at(-1) !== text) this.#history.push(text);
    if (this.#history.length > limits.inputHistoryLines) this.#history.shift();
    this.#shown = this.#history.length;
    return text;
  }

  /** False if not all of it had room. */
  insert(text: string): boolean {
    const room = limits.inputLengthMax - this.#characters.length;
    const before = this.#characters.slice(0, this.#cursor).join("");
    const after = this.#characters.slice(this.#cursor);
    // What is typed may join the character before it: accents, joined emoji.
    const joined = charactersOf(before + text);
    const head = joined.slice(0, this.#cursor + room);
    this.#characters = [...head, ...after];
    this.#cursor = head.length;
    return head.length === joined.length;
  }

  /** True if the key was one of editing. */
  press(key: Key): boolean {
    const name = key.name ?? "";
    const action = key.meta ? METAS[name] : key.ctrl ? CONTROLS[name] : KEYS[name];
    if (action === undefined) return false;
    action(this);
    return true;
  }

  move(to: number): void {
    this.#cursor = Math.max(0, Math.min(to, this.#characters.length));
  }

  moveBy(count: number): void {
    this.move(this.#cursor + count);
  }

  /** Deletes from the cursor to `count` characters before (negative) or after it. */
  delete(count: number): void {
    const other = Math.max(0, Math.min(this.#cursor + count, this.#characters.length));
    const start = Math.min(this.#cursor, other);
    this.#characters.splice(start, Math.abs(other - this.#cursor));
    this.#cursor = start;
  }

  /** Characters to the beginning of the word before the cursor (negative), or the end of the next. */
  wordBy(step: -1 | 1): number {
    const next = (at: number) => this.#characters[step < 0 ? at - 1 : at];
    let at = this.#cursor;
    while (next(at)?.trim() === "") at += step;
    while (next(at) !== undefined && next(at)?.trim() !== "") at += step;
    return at - this.#cursor;
  }

  /** Shows an earlier line, or a later one. */
  recall(step: -1 | 1): void {
    const to = this.#shown + step;
    if (to < 0 || to > this.#history.length) return;
    if (this.#shown === this.#history.length) this.#draft = this.text;
    this.#shown = to;
    this.#set(this.#history[to] ?? this.#draft);
  }

  #set(text: string): void {
    this.#characters = [...charactersOf(text)];
    this.#cursor = this.#characters.length;
  }
}

type Action = (editor: LineEditor) => void;

const KEYS: Readonly<Record<string, Action>> = {
  left: (editor) => editor.moveBy(-1),
  right: (editor) => editor.moveBy(1),
  home: (editor) => editor.move(0),
  end: (editor) => editor.move(Infinity),
  backspace: (editor) => editor.delete(-1),
  delete: (editor) => editor.delete(1),
  up: (editor) => editor.recall(-1),
  down: (editor) => editor.recall(1),
};

const previousWord: Action = (editor) => editor.moveBy(editor.wordBy(-1));
const nextWord: Action = (editor) => editor.moveBy(editor.wordBy(1));
const deletePreviousWord: Action = (editor) => editor.delete(editor.wordBy(-1));
const deleteNextWord: Action = (editor) => editor.delete(editor.wordBy(1));

const CONTROLS: Readonly<Record<string, Action>> = {
  a: (editor) => editor.move(0),
  e: (editor) => editor.move(Infinity),
  b: (editor) => editor.moveBy(-1),
  d: (editor) => editor.delete(1),
  f: (editor) => editor.moveBy(1),
  h: (editor) => editor.delete(-1),
  k: (editor) => editor.delete(Infinity),
  n: (editor) => editor.recall(1),
  p: (editor) => editor.recall(-1),
  u: (editor) => editor.delete(-Infinity),
  w: deletePreviousWord,
  left: previousWord,
  right: nextWord,
  delete: deleteNextWord,
};

/** With Alt, or after Escape. */
const METAS: Readonly<Record<string, Action>> = {
  b: previousWord,
  d: deleteNextWord,
  f: nextWord,
  left: previousWord,
  right: nextWord,
  backspace: deletePreviousWord,
  delete: deleteNextWord,
};
