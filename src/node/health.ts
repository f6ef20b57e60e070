/**
 * Whether a node serves, as those ask who keep processes alive or send them traffic: the gRPC health
 * service and the pages `/livez` and `/readyz`, which say the same. Owns what counts as ready; a node
 * that is told to stop is not, from that moment on.
 *
 * @module
 */

import type { HealthSource } from "../rpc/health.ts";
import type { HttpPages } from "../rpc/http_server.ts";
import type { NodeDriver } from "./driver_api.ts";
import { Listeners } from "./listeners.ts";

/** The health of one node. */
export class NodeHealth implements HealthSource {
  readonly #changes = new Listeners<[]>();
  #ready = false;
  #leads = false;
  #stopping = false;

  constructor(driver: Pick<NodeDriver, "onRole">) {
    driver.onRole(({ ready, role }) => {
      this.#ready = ready;
      this.#leads = ready && role === "leader";
      this.#changes.tell();
    });
  }

  ready(): boolean {
    return this.#ready && !this.#stopping;
  }

  leader(): boolean {
    return this.#leads && !this.#stopping;
  }

  onChange(listener: () => void): () => void {
    return this.#changes.add(listener);
  }

  /** Whoever asks from now on should go elsewhere. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#changes.tell();
  }

  /** Why it is not ready; `null` if it is. */
  problem(): string | null {
    if (this.#stopping) return "the node is stopping";
    return this.#ready ? null : "the node does not vote yet, or does not know whether it may serve";
  }
}

/** `/livez` and `/readyz`: 200 and `ok`, or 503 and why not. */
export function healthPages(health: Pick<NodeHealth, "problem">): HttpPages {
  return {
    // That the answer comes is what it says.
    "/livez": () => ({ status: 200, body: "ok\n" }),
    "/readyz": () => {
      const problem = health.problem();
      return problem === null
        ? { status: 200, body: "ok\n" }
        : { status: 503, body: `not ready: ${problem}\n` };
    },
  };
}
