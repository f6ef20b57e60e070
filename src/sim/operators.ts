/**
 * Operators of a simulation: they put another admin token in the place of the one that the leader
 * sees, as its admin service does. Owns what they ask; how it is repeated is `clients.ts`'s.
 *
 * @module
 */

import type { PlainCommand } from "../chat/command.ts";
import type { CommandFields } from "./client_commands.ts";
import type { ClientCalls } from "./client_races.ts";
import type { SimNode } from "./sim_node.ts";
import { readState } from "./sim_service.ts";
import type { World } from "./world.ts";

/** All operators of a run. */
export class Operators {
  readonly #calls: ClientCalls;
  readonly #world: World;

  constructor(calls: ClientCalls, world: World) {
    this.#calls = calls;
    this.#world = world;
  }

  /** So many at once: of two that have seen the same token, one is refused. */
  async setToken(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => {
      const operation = this.#calls.invoke({ kind: "setAdminToken" });
      // Nobody's reads follow from it.
      const nobody = { seen: 0 };
      return this.#calls.answer(operation, nobody, (fields, node) => this.#command(fields, node));
    }));
  }

  /** Each attempt names what it sees itself. */
  async #command(fields: CommandFields, node: SimNode): Promise<PlainCommand> {
    const { process, clock, driver, state } = node;
    const request = { linearizable: true, seen: 0, deadlineMs: clock!.wall() };
    const replaces = await readState(
      { driver: driver!, state },
      request,
      // libSQL takes its time; the event goes on until it has it.
      (view) => this.#world.track(view.adminTokenHash()),
    );
    // A process that has died meanwhile proposes nothing; the next one of its node was not asked.
    if (process?.alive !== true) return await new Promise(() => {});
    const tokenHash = `token of ${fields.requestId}`;
    return { ...fields, kind: "setAdminToken", tokenHash, replaces };
  }
}
