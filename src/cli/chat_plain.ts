/**
 * The interactive chat where there is no screen: on a dumb terminal, or between pipes. Owns the
 * lines it prints and the prompt; the doings are the controller's.
 *
 * @module
 */

import { createInterface, type Interface } from "node:readline";
import { nameKey } from "../chat/name.ts";
import type { ChatController } from "./chat_controller.ts";
import type { ChatModel, TalkLine } from "./chat_model.ts";
import { stateText } from "./chat_screen.ts";
import { timeText } from "./chat_text.ts";
import { printable } from "./text.ts";

export interface PlainChatOptions {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  /** True if a person types at a terminal: then there is a prompt. */
  readonly prompt: boolean;
  readonly now: () => number;
}

/** One chat in lines. */
export class PlainChat {
  readonly #options: PlainChatOptions;
  #model: ChatModel | null = null;
  #interface: Interface | null = null;
  #state = "";
  #current: string | null = null;
  #closed = false;
  /** A prompt stands at the end of the output, perhaps with something typed after it. */
  #prompted = false;

  constructor(options: PlainChatOptions) {
    this.#options = options;
  }

  /** Reads lines until the input ends; then waits for what was sent, and leaves. */
  open(model: ChatModel, controller: ChatController): void {
    this.#model = model;
    const { input, output, prompt } = this.#options;
    const lines = createInterface(prompt ? { input, output, terminal: false } : { input });
    this.#interface = lines;
    void this.#read(lines, controller);
    this.changed();
    this.#prompt();
  }

  close(): void {
    this.#closed = true;
    this.#interface?.close();
  }

  /** Prints what a change of the state is worth. */
  changed(): void {
    const model = this.#model;
    if (model === null || this.#closed) return;
    // The name of the leader and how much is being sent are no news on a line of their own.
    const state = model.state.phase === "connected" ? "connected" : stateText(model);
    if (state !== this.#state) this.#print(`* ${state}`);
    this.#state = state;
    if (model.current !== this.#current && model.current !== null) {
      this.#print(`* talking to ${printable(model.current)}`);
    }
    this.#current = model.current;
  }

  /** Prints a line that was added to a conversation. What the user typed here is there already. */
  line(name: string, line: TalkLine): void {
    const model = this.#model;
    if (model === null || this.#closed) return;
    if (line.kind === "notice") return this.#print(`* ${line.text}`);
    if (line.from === model.self) {
      // Typed at another login, as it was accepted before it came here.
      if (line.seq !== null) this.#message(line);
      return;
    }
    const elsewhere = nameKey(name) !== nameKey(model.current ?? "");
    this.#message(line, elsewhere ? ` (/to ${printable(line.from)} to answer)` : "");
  }

  /** Prints what was loaded of a conversation: whole, though some of it may be above. */
  page(name: string, lines: readonly TalkLine[]): void {
    if (lines.length > 0) this.#print(`* earlier with ${printable(name)}:`);
    for (const line of lines) {
      if (line.kind === "message" && !this.#closed) this.#message(line);
    }
  }

  #message({ from, body, atMs }: Extract<TalkLine, { kind: "message" }>, hint = ""): void {
    const who = from === this.#model?.self ? "you" : printable(from);
    this.#print(`${timeText(atMs, this.#options.now())} ${who}: ${printable(body)}${hint}`);
  }

  async #read(lines: Interface, controller: ChatController): Promise<void> {
    for await (const line of lines) {
      this.#prompted = false;
      await controller.enter(line);
      if (this.#closed) return;
      this.#prompt();
    }
    await controller.leaveSettled();
  }

  #print(text: string): void {
    const prompted = this.#prompted;
    this.#options.output.write(`${prompted ? "\n" : ""}${text}\n`);
    this.#prompted = false;
    if (prompted) this.#prompt();
  }

  #prompt(): void {
    if (!this.#options.prompt || this.#closed) return;
    this.#options.output.write(`${printable(this.#model?.current ?? "nobody")}> `);
    this.#prompted = true;
  }
}
