/**
 * Lines of the log by which one request can be followed through the nodes: taken, proposed and
 * answered at the leader, applied at every member, each with the id that the client gave it, which is
 * a message's id for ever. Owns what is said and how loudly; nothing here holds a name, a text or a
 * token.
 *
 * All of it is at level `debug`, but for what a caller is told to look up in the log.
 *
 * @module
 */

import { decodeCommand } from "../chat/codec.ts";
import type { Command, Outcome } from "../chat/command.ts";
import { checkRequestId } from "../chat/validate.ts";
import { ChatError, type Reason } from "../errors.ts";
import { termText } from "../raft/term.ts";
import type { Entry, Index, NodeId } from "../raft/types.ts";
import type { ChatApi } from "../rpc/api.ts";
import type { LogFields, Logger, LogLevel } from "./logger.ts";
import type { DriverMeasures } from "./measures.ts";

/** Nothing is known of these but what the log says: they are told to people. */
const UNEXPLAINED: ReadonlySet<Reason> = new Set(["INTERNAL", "CORRUPT"]);

/** Says what happens to requests at one node. */
export class RequestTrace {
  readonly #node: NodeId;
  readonly #logger: Logger;
  /** Lines for each request are wanted: what they need is not made otherwise. */
  readonly #isOn: boolean;

  constructor(node: NodeId, logger: Logger) {
    this.#node = node;
    this.#logger = logger;
    this.#isOn = logger.isOn("debug");
  }

  /** The service with a line for each request that changes something as it comes, and its end. */
  over(api: ChatApi): ChatApi {
    return {
      ...api,
      createAccount: this.#traced("createAccount", api.createAccount),
      login: this.#traced("login", api.login),
      logout: this.#traced("logout", api.logout),
      deleteAccount: this.#traced("deleteAccount", api.deleteAccount),
      sendMessage: this.#traced("sendMessage", api.sendMessage),
      acknowledgeMessages: this.#traced("acknowledge", api.acknowledgeMessages),
    };
  }

  /** This node proposes the command. */
  proposed({ kind, requestId }: Command): void {
    if (this.#isOn) this.#log("debug", "Request proposed", { requestId, kind });
  }

  /** Tells these measures what it is told, with a line for each request that is applied here. */
  before(measures: DriverMeasures): DriverMeasures {
    if (!this.#isOn) return measures;
    return {
      appended: (entries, ms) => measures.appended(entries, ms),
      applied: (entries, outcomes, ms) => {
        measures.applied(entries, outcomes, ms);
        this.#applied(entries, outcomes);
      },
      checkpointed: (ms) => measures.checkpointed(ms),
      committed: (ms) => measures.committed(ms),
    };
  }

  #applied(entries: readonly Entry[], outcomes: ReadonlyMap<Index, Outcome>): void {
    for (const entry of entries) {
      if (entry.kind !== "command") continue;
      const { index, term } = entry;
      const { kind, requestId } = decodeCommand(entry.data, index);
      const outcome = outcomes.get(index);
      const reason = outcome === undefined || outcome.ok ? undefined : outcome.reason;
      const place = { requestId, kind, index, term: termText(term) };
      this.#log("debug", "Request applied", { ...place, reason });
    }
  }

  #traced<Request extends { readonly requestId: string }, Rest extends unknown[], Response>(
    kind: Command["kind"],
    call: (request: Request, ...rest: Rest) => Promise<Response>,
  ): (request: Request, ...rest: Rest) => Promise<Response> {
    return async (request, ...rest) => {
      const requestId = idOf(request);
      const begun = performance.now();
      const took = () => ({ ms: Math.round(performance.now() - begun) });
      if (this.#isOn) this.#log("debug", "Request taken", { requestId, kind });
      try {
        const response = await call(request, ...rest);
        if (this.#isOn) this.#log("debug", "Request answered", { requestId, kind, ...took() });
        return response;
      } catch (thrown) {
        const { reason, leader, message } = ChatError.from(thrown);
        const fields = { requestId, kind, reason, leader, ...took() };
        if (UNEXPLAINED.has(reason)) this.#log("error", `Request failed: ${message}`, fields);
        else if (this.#isOn) this.#log("debug", "Request refused", fields);
        throw thrown;
      }
    };
  }

  #log(level: LogLevel, text: string, fields: LogFields): void {
    this.#logger.log(level, text, { node: this.#node, ...fields });
  }
}

/** As a line may have it: nothing has looked at it yet, and a log is no place for what others make up. */
function idOf({ requestId }: { readonly requestId: string }): string {
  try {
    return checkRequestId(requestId);
  } catch {
    return "none";
  }
}
