/**
 * Time that is to pass between faults, and while they last. It ends early when the run is over;
 * whoever waits for a condition uses `until`.
 *
 * @module
 */

/** Resolves after so many ms, or when the signal, if there is one, is aborted. */
export function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
  });
}
