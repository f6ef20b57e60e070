/**
 * What a node counts, as Prometheus reads it: what its parts tell as they work, and what they say of
 * themselves when they are asked. Owns names, units and help of all metrics (docs/operations.md);
 * nothing in a label names a user, and no label has more values than the cluster has members or the
 * program methods and reasons.
 *
 * @module
 */

import process from "node:process";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Role } from "../raft/types.ts";
import type { HttpPages } from "../rpc/http_server.ts";
import type { EndedCall } from "../rpc/listener.ts";
import type { DriverMeasures } from "./measures.ts";
import { gaugeValues, type MetricSources } from "./metric_gauges.ts";

/** From half a ms, a small fsync, to the longest time that a caller waits, in s. */
const LATENCY_BUCKETS = [
  0.0005,
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
];

/** The metrics of one node. */
export class Metrics implements DriverMeasures {
  readonly #registry = new Registry();
  readonly #appends = this.#latency("log_append", "writing a batch to the log, fsync included");
  readonly #fsyncs = this.#latency("log_fsync", "the commit of such a write, which is its fsync");
  readonly #applies = this.#latency("state_apply", "applying a batch to the state");
  readonly #checkpoints = this.#latency("state_checkpoint", "making the state durable");
  readonly #proposals = this.#latency(
    "proposal",
    "from a proposal of this node to its outcome here",
  );
  readonly #calls = this.#latency("rpc", "unary calls on the client port", ["method"]);
  readonly #appended = this.#counter("log_appended_entries", "Entries written to the log");
  readonly #applied = this.#counter("state_applied_entries", "Entries applied to the state");
  readonly #errors = this.#counter(
    "rpc_errors",
    "Calls and streams on the client port that ended with an error",
    ["method", "reason"],
  );
  readonly #campaigns = this.#counter("campaigns", "Elections that this node began");
  readonly #wins = this.#counter("elections_won", "Times that this node became the leader");
  readonly #leaders = this.#counter(
    "leader_changes",
    "Times that this node followed another leader",
  );

  /** {@linkcode DriverMeasures.appended} */
  appended(entries: number, ms: number): void {
    this.#appended.inc(entries);
    this.#appends.observe(ms / 1000);
  }

  /** The log was synced to the disk. */
  synced(ms: number): void {
    this.#fsyncs.observe(ms / 1000);
  }

  /** {@linkcode DriverMeasures.applied} */
  applied(entries: readonly unknown[], _outcomes: unknown, ms: number): void {
    this.#applied.inc(entries.length);
    this.#applies.observe(ms / 1000);
  }

  /** {@linkcode DriverMeasures.checkpointed} */
  checkpointed(ms: number): void {
    this.#checkpoints.observe(ms / 1000);
  }

  /** {@linkcode DriverMeasures.committed} */
  committed(ms: number): void {
    this.#proposals.observe(ms / 1000);
  }

  /** A call on the client port is over. */
  called({ path, ms, reason }: EndedCall): void {
    const method = path.slice(1);
    if (ms !== null) this.#calls.observe({ method }, ms / 1000);
    if (reason !== null) this.#errors.inc({ method, reason });
  }

  /** Shows what these say of themselves, from now on. Once at most. */
  watch(sources: MetricSources): void {
    this.#watchElections(sources);
    for (const { name, help, labels, read } of gaugeValues(sources)) {
      new Gauge({
        name,
        help,
        labelNames: labels,
        registers: [this.#registry],
        collect() {
          this.reset();
          // One without labels is 0 now, and must be absent unless it has a value.
          this.remove({});
          for (const { value, by = {} } of read()) this.set(by, value);
        },
      });
    }
    new Counter({
      name: "process_cpu_seconds_total",
      help: "CPU time of the process, s",
      registers: [this.#registry],
      collect() {
        const { user, system } = process.cpuUsage();
        this.reset();
        this.inc((user + system) / 1e6);
      },
    });
  }

  /** `/metrics`, in the text format of Prometheus; 503 until there is something to tell. */
  pages(hasStarted: () => boolean): HttpPages {
    const { contentType: type } = this.#registry;
    return {
      "/metrics": async () => {
        if (!hasStarted()) return { status: 503, body: "the node is starting\n" };
        return { status: 200, body: await this.#registry.metrics(), type };
      },
    };
  }

  #watchElections({ driver }: MetricSources): void {
    let [role, leader]: [Role | null, string | null] = [null, null];
    driver.onRole((change) => {
      if (change.role !== role && change.role === "candidate") this.#campaigns.inc();
      if (change.role !== role && change.role === "leader") this.#wins.inc();
      if (change.leader !== null && change.leader !== leader) {
        if (leader !== null) this.#leaders.inc();
        leader = change.leader;
      }
      role = change.role;
    });
  }

  #latency(name: string, what: string, labelNames: string[] = []): Histogram {
    return new Histogram({
      name: `jmessage_${name}_seconds`,
      help: `Time in s: ${what}`,
      labelNames,
      buckets: LATENCY_BUCKETS,
      registers: [this.#registry],
    });
  }

  #counter(name: string, help: string, labelNames: string[] = []): Counter {
    return new Counter({
      name: `jmessage_${name}_total`,
      help,
      labelNames,
      registers: [this.#registry],
    });
  }
}
