/**
 * `jmessage chat` without a command: the interactive chat. Owns the choice between a full
 * screen and plain lines, and the life of one chat from login to farewell.
 *
 * Drawing needs no library: a screen of 24 rows is some fifty lines over `node:readline`'s
 * keys, and the terminal libraries of npm bring a layout engine or years of silence.
 *
 * @module
 */

import process from "node:process";
import { emitKeypressEvents } from "node:readline";
import { systemClock } from "../client/clock.ts";
import type { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import {
  type ChatContext,
  type ChatFlags,
  type ChatOptions,
  misuse,
  withLogin,
} from "./chat_context.ts";
import { ChatController } from "./chat_controller.ts";
import { FullChat } from "./chat_full.ts";
import { ChatModel, type ModelListeners } from "./chat_model.ts";
import { PlainChat } from "./chat_plain.ts";
import { unsentText } from "./chat_text.ts";
import type { Environment } from "./chat_state.ts";

/** What both forms of the chat offer. */
interface ChatFace {
  open(model: ChatModel, controller: ChatController): void;
  close(): void;
  readonly listeners: ModelListeners;
}

/** Runs the chat until the user leaves it. */
export async function interactiveChat(flags: ChatFlags, options: ChatOptions): Promise<void> {
  if (flags.json) throw misuse("--json is for the commands of chat, not for the chat itself");
  if (flags.passwordStdin) {
    throw misuse("the chat reads stdin itself: log in first with jmessage chat login");
  }
  await withLogin(flags, options, (context) => talk(context, options));
}

async function talk(context: ChatContext, options: ChatOptions): Promise<void> {
  const face = hasScreen(options.environment) ? fullFace(options.environment) : plainFace();
  const ended = Promise.withResolvers<ChatError | null>();
  const model = new ChatModel(context.client.user ?? "", face.listeners);
  model.setState(context.client.state);
  const controller = new ChatController({
    client: context.client,
    clock: systemClock(),
    model,
    canSuspend: canSuspend(),
    onEnd: ended.resolve,
  });
  const stop = () => ended.resolve(null);
  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const) process.once(signal, stop);
  try {
    face.open(model, controller);
    controller.start();
    const error = await ended.promise;
    if (error !== null) throw error;
  } finally {
    for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const) process.off(signal, stop);
    const { unsent } = context.client.state;
    controller.stop();
    face.close();
    if (unsent > 0) options.output.remark(unsentText(unsent, model.unaccepted()));
  }
}

/** A smaller window has no room for a line of a conversation. */
const [SCREEN_COLUMNS_MIN, SCREEN_ROWS_MIN] = [20, 5];

/** True if the terminal can be drawn on: large enough, and not a dumb one. */
function hasScreen(environment: Environment): boolean {
  const { stdin, stdout } = process;
  const kind = environment["TERM"] ?? "";
  if (!stdin.isTTY || !stdout.isTTY || kind === "" || kind === "dumb") return false;
  return (stdout.columns ?? 0) >= SCREEN_COLUMNS_MIN && (stdout.rows ?? 0) >= SCREEN_ROWS_MIN;
}

function fullFace(environment: Environment): ChatFace {
  emitKeypressEvents(process.stdin);
  const language = environment["LC_ALL"] || environment["LC_CTYPE"] || environment["LANG"] || "";
  const canStop = canSuspend();
  const full = new FullChat({
    source: process.stdin,
    sink: process.stdout,
    unicode: /utf-?8/i.test(language),
    now: () => Date.now(),
    suspend: canStop ? () => stopGroup(onContinue) : undefined,
    // A runtime looks when this tells it to.
    remeasure: canStop ? () => process.kill(process.pid, "SIGWINCH") : undefined,
  });
  const onContinue = () => full.continued();
  return {
    open: (model, controller) => {
      if (canStop) process.on("SIGCONT", onContinue);
      full.open(model, controller);
    },
    close: () => {
      if (canStop) process.off("SIGCONT", onContinue);
      full.close();
    },
    listeners: { onChange: () => full.draw(), onLine: (name, line) => full.added(name, line) },
  };
}

/** Windows has no shells that stop what they started and go on with it. */
function canSuspend(): boolean {
  return process.platform !== "win32";
}

/** Stops as the terminal itself would by Ctrl-Z: this process, and those that it was started by. */
function stopGroup(goOn: () => void): void {
  // Without a shell above it the system stops nobody, and nobody will say when to go on.
  setTimeout(goOn, limits.chatStopMsMax);
  process.kill(0, "SIGTSTP");
}

function plainFace(): ChatFace {
  const plain = new PlainChat({
    input: process.stdin,
    output: process.stdout,
    prompt: process.stdin.isTTY === true,
    now: () => Date.now(),
  });
  return {
    open: (model, controller) => plain.open(model, controller),
    close: () => plain.close(),
    listeners: {
      onChange: () => plain.changed(),
      onLine: (name, line) => plain.line(name, line),
      onPage: (name, lines) => plain.page(name, lines),
    },
  };
}
