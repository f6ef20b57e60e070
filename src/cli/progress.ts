/**
 * Progress of long work: said now and then, on stderr.
 *
 * @module
 */

import type { Output } from "./output.ts";

/** How often it is said how far the work is, ms. */
const PROGRESS_MS = 5_000;

/** To be told how much is done, as often as one likes; says it in words every few seconds. */
export function progress(
  output: Output,
  words: (done: number) => string,
): (done: number) => void {
  let toldAt = performance.now();
  return (done) => {
    const now = performance.now();
    if (now - toldAt < PROGRESS_MS) return;
    toldAt = now;
    output.remark(words(done));
  };
}
