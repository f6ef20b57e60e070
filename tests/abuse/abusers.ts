/**
 * Clients that ask one node for as much as they can, as a program of its own: they must not take
 * the time of whoever is measured beside them. Owns what they do; ends when its stdin does.
 *
 * `deno run -A abusers.ts KIND ADDRESS TOKEN...`: one client for each token, of that kind, or with
 * `all` of each in turn. Prints a line of JSON at its end: how many of their calls came to what.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import process from "node:process";
import { chatMethods } from "../../src/rpc/services.ts";
import { RawClient } from "../support/raw_client.ts";

/** Calls that each has open at once: as many as a connection may have. */
const CALLS = 256;
/** Of those that send what no node takes, at once. */
const LARGE_CALLS = 8;

const [kind = "all", address = "", ...tokens] = Deno.args;
/** Who has this token, by the order in which they come. */
const accounts = [...new Set(tokens)];
const counts: Record<string, number> = {};

/** Asks again as soon as there is an answer, whatever that says, and dials again when it is cut off. */
async function flood(calls: number, ask: (client: RawClient) => Promise<string>): Promise<void> {
  let client = new RawClient(address);
  const lane = async () => {
    while (true) {
      if (client.closed) client = new RawClient(address);
      const came = await ask(client);
      counts[came] = (counts[came] ?? 0) + 1;
      // Whoever is cut off at once would otherwise only keep itself busy.
      if (came === "none") await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  await Promise.all(Array.from({ length: calls }, lane));
}

function send(token: string, to: string, body: string): (client: RawClient) => Promise<string> {
  const { path, request } = chatMethods.sendMessage;
  return async (client) => {
    const message = request.toBytes({ requestId: randomUUID(), to, body });
    const { status, reason } = await client.call({ path, token, message });
    return reason || status;
  };
}

function login(name: string): (client: RawClient) => Promise<string> {
  const { path, request } = chatMethods.login;
  return async (client) => {
    const message = request.toBytes({ requestId: randomUUID(), name, password: "a wrong one" });
    const { status, reason } = await client.call({ path, message });
    return reason || status;
  };
}

function read(token: string): (client: RawClient) => Promise<string> {
  const { path, request } = chatMethods.getMessages;
  return async (client) => {
    const message = request.toBytes({ pageSize: 1_000 });
    const { status, reason } = await client.call({ path, token, message });
    return reason || status;
  };
}

function tooLarge(token: string): (client: RawClient) => Promise<string> {
  const { path } = chatMethods.sendMessage;
  const message = Buffer.alloc(1024 * 1024, 1);
  return async (client) => (await client.call({ path, token, message })).status;
}

const nameOf = (token: string) => `abuser${accounts.indexOf(token)}`;

const kinds: Readonly<Record<string, (token: string) => Promise<void>>> = {
  sends: (token) => flood(CALLS, send(token, nameOf(token), "flood")),
  letters: (token) => flood(CALLS, send(token, "polite", "flood")),
  reads: (token) => flood(CALLS, read(token)),
  logins: (token) => flood(CALLS, login(nameOf(token))),
  oversize: (token) => flood(LARGE_CALLS, tooLarge(token)),
};
const chosen = kind === "all" ? Object.values(kinds) : [kinds[kind]!];

// What is open then has no answer: some of it would wait for a minute.
process.stdin.on("end", () => {
  console.log(JSON.stringify(counts));
  process.exit(0);
}).resume();
console.log("ready");
await Promise.all(tokens.map((token, place) => chosen[place % chosen.length]!(token)));
