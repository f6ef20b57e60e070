/**
 * Ports of this machine for servers that die and come back at the same address. A port that the
 * system picks (port 0) comes out of the range from which it also serves outgoing connections:
 * while the server is dead, any of those may take it, and the server cannot come back.
 *
 * @module
 */

import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { ChatError } from "../errors.ts";

/** Above what is reserved for well-known services. */
const FIRST_PORT = 10_240;
/** Outgoing connections start at 32768 on Linux, at 49152 elsewhere. */
const LAST_PORT = 32_767;
/** Ports looked at; even where half are taken, chance misses all of these once in 2^64. */
const TRIES_MAX = 64;

/** Given away by this process: free to look at until the server listens. */
const given = new Set<number>();

/**
 * A port of 127.0.0.1 that nobody listens at and that no outgoing connection takes.
 *
 * @throws ChatError `INTERNAL` if none was found.
 */
export async function steadyPort(): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    if (given.has(port) || !await isFree(port)) continue;
    given.add(port);
    return port;
  }
  throw new ChatError("INTERNAL", `Cannot find a free port on this machine in ${TRIES_MAX} tries`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port }, () => server.close(() => resolve(true)));
  });
}
