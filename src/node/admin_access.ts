/**
 * Who may ask what operators ask: whoever shows the cluster's admin token, an operator's certificate,
 * or the local token of this node. Owns that check, and how tokens are made and looked at: the
 * cluster knows the SHA-256 of its token only, compared in constant time.
 *
 * The local token is made anew at each start of a node and lies in its data directory, for the
 * owner's eyes: whoever can read that directory needs no other proof, and finds a way in where there
 * is no admin token, or it was lost.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import { findAdminTokenHash } from "../chat/queries.ts";
import type { Reader } from "../chat/port.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { CallContext } from "../rpc/api.ts";
import { isOperator } from "../tls/names.ts";
import type { NodeDriver } from "./driver_api.ts";
import type { Logger } from "./logger.ts";
import { fingerprint } from "./mutations.ts";
import { pause } from "./pause.ts";
import type { Clock } from "./ports.ts";
import { type Sessions, tokenHash } from "./sessions.ts";

/** Random bytes of a token: nobody guesses it. */
const TOKEN_BYTES = 32;
/** What tells it from a session's token, and lets scanners for secrets find it. */
const PREFIX = "jma_";

/** A new admin token, as text of a header. */
export function newAdminToken(): string {
  return PREFIX + randomBytes(TOKEN_BYTES).toString("base64url");
}

/**
 * Gives a new cluster its first admin token. `null` if that failed, as when the node stops: then
 * the local token is the way to another one.
 */
export async function firstAdminToken({ driver, clock, logger, signal }: {
  readonly driver: Pick<NodeDriver, "propose">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The node stops. */
  readonly signal: AbortSignal;
}): Promise<string | null> {
  const token = newAdminToken();
  const hash = tokenHash(token);
  const requestId = randomUUID();
  while (true) {
    // It leads, but takes nothing before the first entry of its term is committed.
    await pause(clock, limits.joinPollMs, signal);
    try {
      const { outcome } = await driver.propose({
        kind: "setAdminToken",
        requestId,
        fingerprint: fingerprint({ kind: "setAdminToken", fields: [hash] }),
        timeMs: clock.wall(),
        tokenHash: hash,
        replaces: null,
      });
      if (outcome.ok) return token;
      logger.log("warn", `The cluster got no admin token: ${outcome.message}`);
      return null;
    } catch (thrown) {
      const error = ChatError.from(thrown);
      if (error.reason === "NO_LEADER" && !signal.aborted) continue;
      logger.log("warn", `The cluster got no admin token: ${error.message}`);
      return null;
    }
  }
}

export interface AdminAccessOptions {
  readonly reader: Reader;
  readonly sessions: Pick<Sessions, "find">;
  /** SHA-256 of this start's local token, hex; `null`: there is none. */
  readonly localTokenHash: string | null;
}

/** The check of one node. */
export class AdminAccess {
  readonly #options: AdminAccessOptions;

  constructor(options: AdminAccessOptions) {
    this.#options = options;
  }

  /** Throws `UNAUTHENTICATED` for nobody, `PERMISSION_DENIED` for a user who is logged in. */
  async check({ token, certificate }: CallContext): Promise<void> {
    if (certificate && isOperator(certificate)) return;
    if (token === undefined || token === "") throw refused("no admin token came with it");
    const { reader, sessions, localTokenHash } = this.#options;
    const shown = tokenHash(token);
    const known = await findAdminTokenHash(reader);
    // Both are always looked at.
    const [admin, local] = [isSame(shown, known), isSame(shown, localTokenHash)];
    if (admin || local) return;
    const session = await sessions.find(token);
    if (session === null || session.revoked) throw refused("this is not the admin token");
    throw new ChatError("PERMISSION_DENIED", "Users may not do this: it takes the admin token");
  }
}

/** Two hashes as hex, in constant time. */
function isSame(shown: string, known: string | null): boolean {
  return known !== null && timingSafeEqual(Buffer.from(shown), Buffer.from(known));
}

function refused(why: string): ChatError {
  return new ChatError(
    "UNAUTHENTICATED",
    `Only operators may do this, and ${why}: give the admin token, or an operator's certificate`,
  );
}
