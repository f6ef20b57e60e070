/**
 * `jmessage chat listen`: messages as they arrive, across failovers and across its own runs.
 * Owns what was seen and when that is kept; the resuming is the client's.
 *
 * @module
 */

import { type CommandUnknownOpts, InvalidArgumentError } from "@commander-js/extra-typings";
import process from "node:process";
import { parsePosition } from "../chat/position.ts";
import type { CursorState } from "../client/cursor.ts";
import type { Subscription } from "../client/subscription.ts";
import { limits } from "../limits.ts";
import { type ChatContext, type ChatFlags, type ChatOptions, withLogin } from "./chat_context.ts";
import { messageJson, messageLine } from "./chat_text.ts";
import { newCommand } from "./command.ts";
import { parseInteger } from "./options.ts";

interface ListenFlags {
  readonly from?: string | undefined;
  readonly count?: number | undefined;
}

/** `listen`; `flags` gives those of the group once they are parsed. */
export function listenCommand(flags: () => ChatFlags, options: ChatOptions): CommandUnknownOpts {
  return newCommand("listen", "print messages as they arrive, from the last one seen", {
    example: "jmessage chat -u ann listen --json",
  })
    .option("--from <position>", "from after this position instead of the last one seen", position)
    .option("--count <n>", "end after so many", parseInteger(1, Number.MAX_SAFE_INTEGER))
    .action((own) =>
      withLogin(flags(), options, async (context) => {
        const listener = new Listener(context, own);
        const stop = () => listener.stop();
        for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
        try {
          await listener.run((message) => {
            if (flags().json) options.output.json(messageJson(message));
            else options.output.line(messageLine(message, Date.now()));
          });
        } finally {
          for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, stop);
        }
      })
    );
}

/** One run of `listen`. */
class Listener {
  readonly #context: ChatContext;
  readonly #flags: ListenFlags;
  readonly #controller = new AbortController();
  #keepTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(context: ChatContext, flags: ListenFlags) {
    this.#context = context;
    this.#flags = flags;
  }

  stop(): void {
    this.#controller.abort();
  }

  async run(print: (message: Parameters<typeof messageJson>[0]) => void): Promise<void> {
    const subscription = this.#context.client.subscribe({
      cursor: this.#start(),
      fromUnacknowledged: true,
      signal: this.#controller.signal,
    });
    let left = this.#flags.count ?? Infinity;
    try {
      for await (const message of subscription) {
        print(message);
        this.#keepSoon(subscription);
        if (--left === 0) return;
      }
    } finally {
      if (this.#keepTimer !== null) clearTimeout(this.#keepTimer);
      this.#keep(subscription);
    }
  }

  #start(): CursorState | undefined {
    if (this.#flags.from !== undefined) return { positions: [this.#flags.from], recentIds: [] };
    const { state, clusterId, client } = this.#context;
    return state.cursor(clusterId, client.user ?? "") ?? undefined;
  }

  /** Not at every message: what a crash loses is printed again, never skipped. */
  #keepSoon(subscription: Subscription): void {
    this.#keepTimer ??= setTimeout(() => {
      this.#keepTimer = null;
      try {
        this.#keep(subscription);
      } catch {
        // A disk that is full now may have room later; what cannot be kept at the end is told.
      }
    }, limits.cursorKeepMs);
  }

  /** A look back with `--from` does not change what was seen. */
  #keep(subscription: Subscription): void {
    if (this.#flags.from !== undefined) return;
    const { state, clusterId, client } = this.#context;
    const cursor = subscription.state(limits.cursorIdsKept);
    if (cursor.positions.length > 0) state.keepCursor(clusterId, client.user ?? "", cursor);
  }
}

function position(text: string): string {
  try {
    parsePosition(text);
    return text;
  } catch {
    throw new InvalidArgumentError("Must be a position, as the JSON lines of messages have it.");
  }
}
