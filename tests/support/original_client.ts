/**
 * A client as they were written for the original: made from its own description of the interface,
 * not from this repository's `proto/`, and from a gRPC library alone. Its calls carry no deadline
 * and no metadata; where nobody answers or the node does not lead, it tries its next address.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";
import protobuf from "protobufjs";

/** Field numbers and types of what the original clients send and understand. */
const { root } = protobuf.parse(
  `
  syntax = "proto3";
  message Stamp { int64 seconds = 1; int32 nanos = 2; }
  message Account { string username = 1; string password = 2; }
  message Nothing {}
  message Text { string to = 1; string message = 2; string session_id = 3; }
  message Session { string session_id = 1; }
  message Chat { string session_id = 1; string username = 2; }
  message Received { string session_id = 1; repeated int32 message_ids = 2; }
  message Response { int32 error_code = 1; string error_message = 2; string session_id = 3; }
  message Person { string username = 1; string status = 2; }
  message People { repeated Person user = 1; }
  message Letter { string from_ = 1; string message = 2; int32 message_id = 3; Stamp time_stamp = 4; }
  message Letters { int32 error_code = 1; string error_message = 2; repeated Letter message = 3; }
`,
  { keepCase: true },
);

const calls = {
  CreateAccount: ["Account", "Response"],
  Login: ["Account", "Response"],
  ListUsers: ["Nothing", "People"],
  Send: ["Text", "Response"],
  GetMessages: ["Session", "Letters"],
  GetChat: ["Chat", "Letters"],
  AcknowledgeReceivedMessages: ["Received", "Response"],
  DeleteAccount: ["Session", "Response"],
  Logout: ["Session", "Response"],
} as const;

export type OriginalCall = keyof typeof calls;

/** Of every answer; which of these it has depends on the call. */
export interface OriginalAnswer {
  readonly error_code: number;
  readonly error_message: string;
  readonly session_id: string;
  readonly user: readonly { readonly username: string; readonly status: string }[];
  readonly message: readonly OriginalLetter[];
}

export interface OriginalLetter {
  readonly from_: string;
  readonly message: string;
  readonly message_id: number;
  readonly time_stamp: { readonly seconds: number; readonly nanos: number } | null;
}

/** One call to one node; rejects with a gRPC status. */
export function callOnce(
  client: Client,
  name: OriginalCall,
  request: object,
): Promise<OriginalAnswer> {
  const [asked, answered] = calls[name].map((type) => root.lookupType(type));
  const bytes = Buffer.from(asked!.encode(request).finish());
  const asItIs = (bytes: Buffer) => bytes;
  return new Promise((resolve, reject) => {
    const path = `/ClientAccount/${name}`;
    client.makeUnaryRequest(path, asItIs, asItIs, bytes, (error, answer) => {
      if (error !== null || answer === undefined) return reject(error);
      const told = answered!.toObject(answered!.decode(answer), { defaults: true, longs: Number });
      resolve(told as OriginalAnswer);
    });
  });
}

/** What one call came to, and whether an attempt of it ended without an answer before. */
export interface Attempted {
  readonly answer: OriginalAnswer;
  readonly broken: number;
  readonly refused: number;
}

/**
 * No status of a server's: the connection broke. This library says UNAVAILABLE, as all do, but of a
 * call that it writes to a connection that has just ended: that it tells as an error of its own.
 */
function isBroken({ code, details }: ServiceError): boolean {
  return code === status.UNAVAILABLE ||
    code === status.INTERNAL && details.includes("internal client error");
}

/** A person's client with a list of addresses. */
export class OriginalClient {
  readonly #clients: readonly Client[];
  #at = 0;

  constructor(addresses: readonly string[]) {
    this.#clients = addresses.map((one) => new Client(one, credentials.createInsecure()));
  }

  /** Makes a call at one address after the other, until one takes it or `ms` have passed. */
  async attempt(name: OriginalCall, request: object, ms = 15_000): Promise<Attempted> {
    const until = performance.now() + ms;
    let [broken, refused] = [0, 0];
    while (true) {
      try {
        const client = this.#clients[this.#at % this.#clients.length]!;
        return { answer: await callOnce(client, name, request), broken, refused };
      } catch (error) {
        if ((error as ServiceError).code === status.UNIMPLEMENTED) refused += 1;
        else if (isBroken(error as ServiceError)) broken += 1;
        else throw error;
        if (performance.now() > until) throw error;
        this.#at += 1;
        // Once round without success: it rests for a moment, as a person would.
        if ((broken + refused) % this.#clients.length === 0) {
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
    }
  }

  async call(name: OriginalCall, request: object): Promise<OriginalAnswer> {
    return (await this.attempt(name, request)).answer;
  }

  /** Makes an account and logs in; gives the session id. */
  async user(username: string): Promise<string> {
    const account = { username, password: `password of ${username}` };
    const made = await this.call("CreateAccount", account);
    const { error_code, session_id } = await this.call("Login", account);
    if (made.error_code !== 0 || error_code !== 0) throw new Error(made.error_message);
    return session_id;
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}
