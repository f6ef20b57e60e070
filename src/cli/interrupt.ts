/**
 * Work that cleans up after itself when it is interrupted: the first SIGINT or SIGTERM asks it to
 * stop, the second ends the process as ever.
 *
 * @module
 */

import process from "node:process";
import { ChatError } from "../errors.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Runs `action` with a signal that is aborted by the first interruption. */
export async function interruptible<T>(
  action: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const stop = () => {
    forget();
    controller.abort(interrupted());
  };
  const forget = () => {
    for (const signal of SIGNALS) process.off(signal, stop);
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  try {
    return await action(controller.signal);
  } finally {
    forget();
  }
}

function interrupted(): ChatError {
  return new ChatError("SHUTTING_DOWN", "Interrupted: nothing was left behind");
}
