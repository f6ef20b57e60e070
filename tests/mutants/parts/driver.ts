/**
 * What is broken in the driver, `src/node/driver*.ts`, which carries out what the core decides:
 * order, and what may be told to whom and when.
 *
 * @module
 */

import type { Mutant } from "../mutant.ts";
import { lastResort, majority } from "./campaigns.ts";

export const DRIVER: readonly Mutant[] = [
  {
    name: "sends what must wait for the disk once the write is queued",
    part: "driver",
    campaign: majority,
    edit: {
      file: "src/node/driver_persist.ts",
      find: "if (after <= this.#finished) {",
      replace: "if (after <= this.#newest) {",
    },
  },
  {
    name: "reads without asking whether it still leads",
    part: "driver",
    campaign: lastResort,
    edit: {
      file: "src/node/driver.ts",
      find: "if (!this.#running.canRead(this.#clocks())) {",
      replace: 'if (this.#role?.role !== "leader") {',
    },
  },
  {
    name: "says that the state is durable when it is applied",
    part: "driver",
    campaign: lastResort,
    edit: {
      file: "src/node/driver_apply.ts",
      find: "const index = await this.#options.state.checkpoint();",
      replace: "const { index } = this.#applied;",
    },
  },
  {
    name: "tells subscribers only where it leads",
    part: "driver",
    campaign: lastResort,
    edit: {
      file: "src/node/driver.ts",
      find: "this.#appliedListeners.tell(result.messages, position, result.outcomes);",
      replace:
        'if (this.#role?.role === "leader") this.#appliedListeners.tell(result.messages, position, result.outcomes);',
    },
  },
  {
    name: "answers a session read without waiting for what its reader has seen",
    part: "driver",
    campaign: majority,
    edit: {
      file: "src/node/driver.ts",
      find: "if (index <= this.#applies.applied.index && !this.#applies.installing) return",
      replace: "if (!this.#applies.installing) return",
    },
  },
  {
    name: "answers all proposals of a batch as the first of them",
    part: "driver",
    campaign: lastResort,
    edit: {
      file: "src/node/driver_proposals.ts",
      find: "this.#succeed(waiting, index, outcomes.get(index));",
      replace: "this.#succeed(waiting, index, [...outcomes.values()][0]);",
    },
  },
  {
    name: "goes on after a write that failed",
    part: "driver",
    campaign: majority,
    edit: {
      file: "src/node/driver_persist.ts",
      find: `      if (batches.length > 0) await this.#options.log.persist(batches);
`,
      replace:
        `      if (batches.length > 0) await this.#options.log.persist(batches).catch(() => undefined);
`,
    },
  },
  {
    name: "answers the reads that wait as it stops leading",
    part: "driver",
    campaign: majority,
    edit: {
      file: "src/node/driver.ts",
      find: "if (error !== null) this.#waits.settleReads(error);",
      replace: "if (error !== null) this.#waits.settleReads(null);",
    },
  },
];
