/**
 * Giving the event loop its turn. The library resolves in microtasks, so a long series of
 * statements would otherwise keep timers and sockets waiting however often it awaits.
 *
 * @module
 */

import { setImmediate } from "node:timers";

/** Resolves after whatever waits in the event loop has had its turn. */
export function yieldToLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
