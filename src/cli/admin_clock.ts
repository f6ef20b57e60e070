/**
 * Time as the admin commands need it. Owns the one choice of the machine's clock; tests pass one
 * that they move by hand.
 *
 * @module
 */

/** Where a command takes its time from. */
export interface AdminClock {
  /** Ms since the epoch. */
  now(): number;
  /** Resolves after `ms`. */
  pause(ms: number): Promise<void>;
  /** Aborted after `ms`; nothing is kept alive for it. */
  timeout(ms: number): AbortSignal;
  /** Runs `task` each `ms`; the result ends that. */
  every(ms: number, task: () => void): () => void;
}

/** The machine's clock. */
export const machineClock: AdminClock = {
  now: () => Date.now(),
  pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  timeout: (ms) => AbortSignal.timeout(ms),
  every: (ms, task) => {
    const timer = setInterval(task, ms);
    return () => clearInterval(timer);
  },
};
