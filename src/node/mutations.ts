/**
 * The way of every mutating request: checked, resolved and stamped at the leader, through the
 * log, answered by what was applied; a request that was decided before gets its first outcome,
 * whoever asks (DESIGN §8). Owns that order; what a request means is the services' and
 * `src/chat`'s.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Command, Outcome } from "../chat/command.ts";
import { type DecidedRequest, findOutcome, type Session } from "../chat/queries.ts";
import { ChatError } from "../errors.ts";
import type { CallContext } from "../rpc/api.ts";
import { orGone, type ServiceParts } from "./service_parts.ts";
import { unauthenticated } from "./sessions.ts";

/** A kind of outcome of a request that happened. */
export type Done<K extends Command["kind"]> = Extract<Outcome, { ok: true; kind: K }>;

/** Fields of every command that the leader fills in. */
export interface Stamp {
  readonly requestId: string;
  readonly fingerprint: string;
  readonly timeMs: number;
}

/** A request on its way to a command. */
export interface Mutation<K extends Command["kind"]> {
  readonly kind: K;
  readonly requestId: string;
  /** What the client said, the password apart: the same id with other fields is refused. */
  readonly fields: readonly unknown[];
  /** The command, with names resolved; may throw what refuses it. */
  readonly command: (stamp: Stamp) => Promise<Extract<Command, { kind: K }>>;
}

/** Carries mutations out. */
export class Mutations {
  readonly #parts: ServiceParts;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
  }

  /** A request of somebody logged in; `author` is given to what makes the command. */
  async byAuthor<K extends Command["kind"]>(
    context: CallContext,
    mutation: Omit<Mutation<K>, "command"> & {
      readonly command: (
        stamp: Stamp,
        author: Session,
      ) => Promise<Extract<Command, { kind: K }>>;
    },
  ): Promise<Done<K>> {
    await this.#parts.options.driver.readIndex();
    const session = await this.#parts.options.sessions.find(context.token);
    // Without an account there is no telling whose request it was.
    if (session === null) throw unauthenticated(null);
    const { command, kind, requestId } = mutation;
    // The account is one of the fields: nobody gets the outcome of somebody else's request.
    const fields = [session.accountId, ...mutation.fields];
    return await this.#carryOut(context, {
      kind,
      requestId,
      fields,
      command: async (stamp) => await command(stamp, this.#parts.seen(session)),
    });
  }

  /** A request of anybody. */
  async byAnybody<K extends Command["kind"]>(
    context: CallContext,
    mutation: Mutation<K>,
  ): Promise<Done<K>> {
    await this.#parts.options.driver.readIndex();
    return await this.#carryOut(context, mutation);
  }

  /** The first outcome of a request that was decided before; `null` if it was not. */
  async decided<K extends Command["kind"]>(
    mutation: Pick<Mutation<K>, "kind" | "requestId" | "fields">,
  ): Promise<Done<K> | null> {
    const decided = await findOutcome(this.#parts.options.reader, mutation.requestId);
    return decided === null ? null : this.#first(mutation, decided);
  }

  async #carryOut<K extends Command["kind"]>(
    context: CallContext,
    mutation: Mutation<K>,
  ): Promise<Done<K>> {
    const { driver, clock } = this.#parts.options;
    const { kind, requestId } = mutation;
    const stamp = { requestId, fingerprint: fingerprint(mutation), timeMs: clock.wall() };
    let command: Command;
    try {
      command = await mutation.command(stamp);
    } catch (error) {
      // Decided before anything else, authorisation included; apply looks it up for the others.
      const first = await this.decided(mutation);
      if (first === null) throw error;
      return first;
    }
    const { outcome } = await orGone(driver.propose(command), context.signal);
    return done(kind, outcome);
  }

  #first<K extends Command["kind"]>(
    mutation: Pick<Mutation<K>, "kind" | "requestId" | "fields">,
    decided: DecidedRequest,
  ): Done<K> {
    if (decided.fingerprint !== fingerprint(mutation)) {
      throw new ChatError(
        "REQUEST_ID_REUSED",
        `Request ${mutation.requestId} was made before with other fields: make a new id`,
      );
    }
    return done(mutation.kind, decided.outcome);
  }
}

/** SHA-256 over the kind and the fields, hex. */
export function fingerprint(
  mutation: { readonly kind: string; readonly fields: readonly unknown[] },
): string {
  const text = JSON.stringify([mutation.kind, ...mutation.fields]);
  return createHash("sha256").update(text).digest("hex");
}

/** The outcome of a request that happened; throws what refused it. */
function done<K extends Command["kind"]>(kind: K, outcome: Outcome): Done<K> {
  if (!outcome.ok) throw new ChatError(outcome.reason, outcome.message);
  if (outcome.kind !== kind) {
    throw new ChatError("REQUEST_ID_REUSED", `The request id was used to ${outcome.kind}`);
  }
  return outcome as Done<K>;
}
