/**
 * What clients read: which messages a user received, and who there is. Owns at whom a read is
 * aimed; a read is not repeated, and one without an answer says nothing.
 *
 * @module
 */

import type { NodeId } from "../raft/types.ts";
import { callNode } from "./client_calls.ts";
import type { Cluster } from "./cluster.ts";
import type { OperationBody } from "./history.ts";
import type { Operation } from "./scenario.ts";
import { readState } from "./sim_service.ts";
import type { StateView } from "./sim_state.ts";

/** Who reads. */
export interface Reader {
  readonly number: number;
  readonly accountId: string;
  /** Newest index that an answer has named. */
  seen: number;
}

/** At whom a read is aimed. */
export type ReadPlace = Pick<Extract<Operation, { kind: "read" }>, "linearizable" | "node">;

/** A reader outwaits a stall: what a node says that has slept is of interest, ms. */
const PATIENCE_MS = 6_000;

/** All reads of a run. */
export class ClientReads {
  readonly #cluster: Cluster;
  /** Numbers an operation that begins, and records it. */
  readonly #invoke: (body: OperationBody) => number;

  constructor(cluster: Cluster, invoke: (body: OperationBody) => number) {
    this.#cluster = cluster;
    this.#invoke = invoke;
  }

  /** Both reads at once, at one node. */
  async perform(reader: Reader, where: ReadPlace): Promise<void> {
    await Promise.all([this.#received(reader, where), this.#users(reader, where)]);
  }

  async #received(reader: Reader, where: ReadPlace): Promise<void> {
    const { number, accountId } = reader;
    const { linearizable } = where;
    const operation = this.#invoke({ kind: "read", user: number, accountId, linearizable });
    const read = await this.#ask(reader, where, (view) => view.received(accountId));
    if (read === null) return;
    const messages = read.shown.map(({ id, index, acknowledged }) => ({ id, index, acknowledged }));
    reader.seen = Math.max(reader.seen, messages.at(-1)?.index ?? 0);
    const { node } = read;
    this.#cluster.recorder.fact({ kind: "readAnswered", operation, node, messages });
  }

  async #users(reader: Reader, where: ReadPlace): Promise<void> {
    const { accountId } = reader;
    const { linearizable } = where;
    const operation = this.#invoke({ kind: "users", accountId, linearizable });
    const read = await this.#ask(reader, where, (view) => view.openAccounts());
    if (read === null) return;
    const { node, shown } = read;
    this.#cluster.recorder.fact({ kind: "usersAnswered", operation, node, accounts: [...shown] });
  }

  /** What a node shows; `null` if it gives no answer. */
  async #ask<T>(
    { seen }: Reader,
    { linearizable, node: place }: ReadPlace,
    look: (view: StateView) => Promise<T>,
  ): Promise<{ readonly node: NodeId; readonly shown: T } | null> {
    const { world, nodes } = this.#cluster;
    // Whoever thinks that it leads: one that was replaced must not answer.
    const leaders = nodes.filter(({ role }) => role === "leader");
    const choice = linearizable && leaders.length > 0 ? leaders : nodes;
    const node = choice[place % choice.length]!;
    const result = await callNode(world, { node, patienceMs: PATIENCE_MS }, (asked) => {
      const request = { linearizable, seen, deadlineMs: asked.clock!.wall() + 500 };
      // libSQL takes its time; the event goes on until it has it.
      const looked = (view: StateView) => world.track(look(view));
      return readState({ driver: asked.driver!, state: asked.state }, request, looked);
    });
    return result.kind === "answer" ? { node: node.id, shown: result.value } : null;
  }
}
