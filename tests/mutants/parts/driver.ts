/**
 * What is broken in the driver, `src/node/driver*.ts`, which carries out what the core decides:
 * order, and what may be told to whom and when.
 *
 * @module
 */

import type { Mutant } from "../mutant.ts";
import { lastResort, majority, meetings } from "./campaigns.ts";

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
    name: "answers a proposal by what stands at its index, whoever wrote it",
    part: "driver",
    campaign: majority,
    edit: {
      file: "src/node/driver_proposals.ts",
      find: "if (sameTerm(waiting.term, term)) this",
      replace: "if (outcomes.has(index)) this",
    },
  },
  {
    name: "goes on applying while it switches to a snapshot",
    part: "driver",
    campaign: lastResort,
    edit: {
      file: "src/node/driver_apply.ts",
      find: `    this.#installing = true;
`,
      replace: "",
    },
  },
  {
    name: "answers a session read before the index is applied",
    part: "driver",
    campaign: lastResort,
    edit: {
      file: "src/node/driver.ts",
      find: "if (index <= this.#applies.applied.index && !this.#applies.installing) return",
      replace: "if (index <= this.#running.commitIndex()) return",
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
    name: "reads as a leader without waiting until the commit index is applied",
    part: "driver",
    campaign: lastResort,
    edit: {
      file: "src/node/driver.ts",
      find:
        `    await this.waitApplied(this.#running.commitIndex(), this.#clock.wall() + limits.readWaitMsMax);
`,
      replace: "",
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
    name: "switches to a snapshot before the log has",
    part: "driver",
    campaign: lastResort,
    edit: {
      file: "src/node/driver_snapshot.ts",
      find: "if (taken === null || taken.persist !== persist) return null;",
      replace: "if (taken === null) return null;",
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
    name: "does not tell subscribers that another history begins",
    part: "driver",
    campaign: meetings,
    edit: {
      file: "src/node/driver.ts",
      find: `      this.#appliedListeners.tell([], this.#applies.applied, null);
    }`,
      replace: "    }",
    },
  },
  {
    name: "gives a snapshot a config that came after it",
    part: "driver",
    campaign: lastResort,
    edit: {
      file: "src/node/snapshot_server.ts",
      find: ".history(applied.index);",
      replace: ".history(applied.index + 1);",
    },
  },
];
