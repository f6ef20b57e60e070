/**
 * Operations of simulated clients that put several at once: bursts, crowds, and what races with a
 * deletion or a logout. Owns which of them run side by side; each by itself is `clients.ts`'s.
 *
 * @module
 */

import type { Outcome, PlainCommand } from "../chat/command.ts";
import type { Index } from "../raft/types.ts";
import type { CommandFields, MakeCommand } from "./client_commands.ts";
import type { OperationBody } from "./history.ts";
import type { Operation } from "./scenario.ts";
import type { Subscriber } from "./subscriber.ts";

/** What a client knows of its user. */
export interface User {
  readonly number: number;
  readonly accountId: string;
  /** The session it writes in, and all that it ever had. */
  session: string;
  readonly sessions: string[];
  /** Newest index that an answer has named. */
  seen: Index;
  readonly subscriber: Subscriber;
}

export interface SendOptions {
  /** Another session than the sender's newest. */
  readonly session?: string;
  /** Ask two nodes at once. */
  readonly twice?: boolean;
}

/** What the parts of the clients do by way of all of them. */
export interface ClientCalls {
  /** Numbers an operation that begins, and records it. */
  readonly invoke: (body: OperationBody) => number;
  /** Asks until somebody says what came of it; `null` if the run ends before. */
  readonly answer: (
    operation: number,
    user: Pick<User, "seen">,
    command: MakeCommand,
  ) => Promise<Outcome | null>;
  /** Asks once. */
  readonly once: (
    operation: number,
    command: (fields: CommandFields) => PlainCommand,
  ) => Promise<Outcome | null>;
  readonly send: (from: User, to: User, options?: SendOptions) => Promise<Outcome | null>;
}

/** Names of a crowd, at most: so many conversations. */
const NAMES_MAX = 100;

/** The operations that are put side by side here. Each ends once it is answered. */
export interface Performers {
  readonly user: (number: number) => User;
  readonly send: (from: User, to: User, options?: SendOptions) => Promise<Outcome | null>;
  readonly sendOutside: (from: User, accountId: string) => Promise<void>;
  readonly createAccount: (accountId: string) => Promise<User>;
  readonly logout: (user: User) => Promise<void>;
  readonly login: (user: User) => Promise<void>;
  /** `during` begins what is to race with the deletion of the account. */
  readonly visit: (during: (accountId: string) => void) => Promise<void>;
}

export type Race = Extract<
  Operation,
  { kind: "burst" | "crowd" | "sendTwice" | "deleteRace" | "logoutRace" | "stallSubscriber" }
>;

/** The races of one run's clients. */
export class ClientRaces {
  readonly #performers: Performers;
  /** Accounts of the crowd, each once it is there. */
  readonly #crowd: Promise<User>[] = [];

  constructor(performers: Performers) {
    this.#performers = performers;
  }

  async perform(race: Race): Promise<void> {
    const { user, send } = this.#performers;
    switch (race.kind) {
      case "burst":
        await repeat(race.count, () => send(user(race.from), user(race.to)));
        return;
      case "crowd":
        return await this.#crowded(user(race.from), race.names);
      case "sendTwice":
        await send(user(race.from), user(race.to), { twice: true });
        return;
      case "deleteRace":
        return await this.#deleteRace(user(race.from), race.sends);
      case "logoutRace":
        return await this.#logoutRace(user(race.user), race.sends);
      case "stallSubscriber":
        return user(race.user).subscriber.stall(race.ms);
    }
  }

  async #crowded(from: User, names: number): Promise<void> {
    const { createAccount, sendOutside } = this.#performers;
    while (this.#crowd.length < Math.min(names, NAMES_MAX)) {
      this.#crowd.push(createAccount(`crowd-${this.#crowd.length}`));
    }
    await Promise.all(
      this.#crowd.slice(0, names).map(async (made) => {
        await sendOutside(from, (await made).accountId);
      }),
    );
  }

  /** Which of the messages are accepted is open; none that begins after the answer may be. */
  async #deleteRace(from: User, sends: number): Promise<void> {
    const { sendOutside, visit } = this.#performers;
    let last = () => Promise.resolve();
    await visit((accountId) => {
      last = () => sendOutside(from, accountId);
      void repeat(sends, last);
    });
    await last();
  }

  /** As above. */
  async #logoutRace(user: User, sends: number): Promise<void> {
    const { send, logout, login } = this.#performers;
    const { session } = user;
    const ended = logout(user);
    void repeat(sends, () => send(user, user, { session }));
    await ended;
    await login(user);
  }
}

async function repeat(times: number, task: () => Promise<unknown>): Promise<void> {
  await Promise.all(Array.from({ length: times }, task));
}
