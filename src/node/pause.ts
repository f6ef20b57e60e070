/**
 * Waiting a while, unless there is no reason to wait any longer.
 *
 * @module
 */

import type { Clock } from "./ports.ts";

/** Resolves after `ms`, or at once when the signal says so; leaves nothing behind. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal.addEventListener("abort", done);
  });
}
