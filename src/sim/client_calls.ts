/**
 * Calls of simulated clients to nodes: there, done, and back, with everything that can happen
 * on the way. Owns delays and timeouts between clients and nodes; repeats nothing.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import type { SimNode } from "./sim_node.ts";
import type { World } from "./world.ts";

/** What a client learns from one call. */
export type CallResult<T> =
  | { readonly kind: "answer"; readonly value: T }
  | { readonly kind: "error"; readonly error: ChatError }
  /** The connection was refused or broke, or nothing came in time. */
  | { readonly kind: "silence" };

/** A message between a client and a node takes this long, ms. */
const DELAY_MS = { low: 0.2, high: 1.5 };

/** A client waits so long for an answer, ms. */
const PATIENCE_MS = 1_200;

/** One call; never rejects. */
export function callNode<T>(
  world: World,
  { node, patienceMs = PATIENCE_MS }: { readonly node: SimNode; readonly patienceMs?: number },
  work: (node: SimNode) => Promise<T>,
): Promise<CallResult<T>> {
  const random = world.random;
  const delay = () => random.between(DELAY_MS.low, DELAY_MS.high);
  return new Promise((resolve) => {
    const settle = (result: CallResult<T>) => {
      world.wake();
      resolve(result);
    };
    const timeout = world.after(patienceMs, () => settle({ kind: "silence" }));
    const back = (result: CallResult<T>) =>
      world.after(delay(), () => {
        timeout.live = false;
        settle(result);
      });
    world.after(delay(), () => {
      const process = node.process;
      if (process === null) {
        if (node.machine.powered) back({ kind: "silence" });
        return;
      }
      process.run("network", () => {
        world.wake();
        world.ask(work(node)).then(
          (value) => process.alive && back({ kind: "answer", value }),
          (error) => process.alive && back({ kind: "error", error: ChatError.from(error) }),
        );
      });
    });
  });
}

/** Resolves after a while of virtual time. */
export function pause(world: World, ms: number): Promise<void> {
  return new Promise((resolve) => {
    world.after(ms, () => {
      world.wake();
      resolve();
    });
  });
}
