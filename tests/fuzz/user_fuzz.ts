/**
 * Users who are logged in and mean harm, at a leader and at another node. Owns making the calls and
 * what each may be answered: any refusal that is the caller's fault or the moment's, never a fault
 * of the node's own, and in time. What they were told happened is written down for
 * `kept_state.ts` to compare.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { isReason, type Reason } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { originalMethods } from "../../src/rpc/original_handlers.ts";
import { chatMethods, subscribeMethod } from "../../src/rpc/services.ts";
import { answerOf, framed, type RawAnswer, RawClient } from "../support/raw_client.ts";
import { METHODS } from "./decoders.ts";
import { withinTime } from "./node_fuzz.ts";
import { bytesOf, CALLERS, type UserCall, userCall } from "./user_arbitrary.ts";

/** What the node told: by request id where the caller made one, else counted. */
export class Told {
  readonly happened = new Set<string>();
  /** Nobody knows of these whether they happened. */
  readonly unknown = new Set<string>();
  /** Calls of the original interface, whose ids the node makes. */
  originalHappened = 0;
  originalUnknown = 0;
}

/** Answers that are a fault of the node's own: nothing that a user sends may lead to one. */
const FAULTS: ReadonlySet<Reason> = new Set<Reason>(["INTERNAL", "CORRUPT", "DISK_FULL"]);

/** After these it may have happened. */
const INDEFINITE: ReadonlySet<string> = new Set(["LEADERSHIP_LOST", "COMMIT_TIMEOUT"]);

/** gRPC's own answers: a deadline of ours has passed, or the message was longer than it may be. */
const [OK, DEADLINE, TOO_LONG, UNIMPLEMENTED] = ["0", "4", "8", "12"];

/** Subscriptions end by their deadline, and who names a position that never was waits for it. */
const SHORT = "200m";

/** Methods that change something, and what their request says its id is. */
const MUTATIONS: ReadonlySet<string> = new Set([
  chatMethods.createAccount,
  chatMethods.login,
  chatMethods.logout,
  chatMethods.deleteAccount,
  chatMethods.sendMessage,
  chatMethods.acknowledgeMessages,
].map(({ path }) => path));

const ORIGINAL: ReadonlySet<string> = new Set(
  Object.values(originalMethods).map(({ path }) => path),
);

/** Who read may have marked as received what it was shown. */
const ORIGINAL_READS: ReadonlySet<string> = new Set([
  originalMethods.getMessages.path,
  originalMethods.getChat.path,
  originalMethods.acknowledge.path,
]);

const PASSWORD = "a long enough password";
/** Calls under way at once. */
const AT_ONCE = 16;
/** Calls between two looks at the cluster. */
const ROUND = 250;

/** Above the deadline of a call, which is 20 s, ms: where that one passes, the call has failed. */
const END_MS_MAX = 25_000;

/** A session of one of those who call. */
interface Caller {
  readonly name: string;
  readonly token: string;
}

/**
 * Makes so many calls at nodes, of which the first leads; `between` gets what says again all that was
 * refused as wrong in itself, and throws if one is not refused again.
 */
export async function fuzzUsers(
  addresses: readonly string[],
  { cases, seed, between }: {
    readonly cases: number;
    readonly seed: number;
    readonly between: (again: () => Promise<void>) => Promise<void>;
  },
): Promise<Told> {
  const users = new Users(addresses);
  try {
    for (let done = 0; done < cases; done += ROUND) {
      const known = { names: users.names, password: PASSWORD, positions: await users.positions() };
      const numRuns = Math.min(ROUND, cases - done);
      const calls = fc.sample(userCall(known), { numRuns, seed: seed + done });
      const refused: UserCall[] = [];
      await sideBySide(calls, async (call, at) => {
        const what = () => `call ${at} of seed ${seed + done}: ${describe(call)}`;
        // To log in again takes as long as a password's hash, which is nobody's fault.
        const caller = await users.caller(call);
        const { status, reason } = await withinTime(
          users.make(call, caller, what),
          what,
          END_MS_MAX,
        );
        if (status !== OK && reason === "INVALID_ARGUMENT" && !users.dependsOnTime(call)) {
          refused.push(call);
        }
      });
      const again = () =>
        sideBySide(refused, async (call) => {
          const { reason } = await users.make(call, await users.caller(call), () => describe(call));
          assert.ok(reason === "INVALID_ARGUMENT" || reason === "NOT_LEADER", describe(call));
        });
      assert.ok(refused.length > 0 || numRuns < ROUND, "some are wrong in themselves");
      await between(again);
    }
    return users.told;
  } finally {
    users.close();
  }
}

async function sideBySide<T>(
  all: readonly T[],
  run: (one: T, at: number) => Promise<void>,
): Promise<void> {
  const left = all.entries();
  const runner = async () => {
    for (const [at, one] of left) await run(one, at);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, runner));
}

/** One person with several sessions; one that has ended is followed by another, or another person's. */
class Users {
  readonly told = new Told();
  readonly names: string[] = [];
  readonly #addresses: readonly string[];
  readonly #clients: RawClient[];
  readonly #callers: Promise<Caller>[];

  constructor(addresses: readonly string[]) {
    this.#addresses = addresses;
    this.#clients = addresses.map((address) => new RawClient(address));
    const first = this.#newCaller();
    const others = () => first.then((caller) => this.#after(caller));
    this.#callers = [first, ...Array.from({ length: CALLERS - 1 }, others)];
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  /** Where the newest message stands, and two places before it. */
  async positions(): Promise<readonly string[]> {
    const { name, token } = await this.#callers[0]!;
    const positions: string[] = [];
    for (let n = 0; n < 2; n++) {
      const request = { requestId: randomUUID(), to: name, body: "here" };
      const answer = await this.#ask(chatMethods.sendMessage, request, token);
      positions.push(chatMethods.sendMessage.response.fromBytes(answer.body).position);
    }
    return positions;
  }

  /** Whether what is wrong with a call may come right by itself: a place that is not yet there. */
  dependsOnTime({ path, position }: UserCall): boolean {
    return position !== null || path === chatMethods.acknowledgeMessages.path ||
      ORIGINAL.has(path);
  }

  /** Who is to make a call, logged in. */
  caller({ caller }: UserCall): Promise<Caller> {
    return this.#callers[caller]!;
  }

  async make(call: UserCall, caller: Caller, what: () => string): Promise<RawAnswer> {
    const message = bytesOf(call, caller.token);
    const isShort = call.position !== null || call.path === subscribeMethod.path;
    const answer = await answerOf(() => {
      const stream = this.#client(call.node).begin({
        path: call.path,
        token: caller.token,
        headers: {
          ...(isShort ? { "grpc-timeout": SHORT } : {}),
          ...(call.position === null ? {} : { "x-jmessage-position": call.position }),
        },
      });
      stream.end(framed(message));
      return stream;
    });
    const { status, reason } = answer;
    const told = isReason(reason) && !FAULTS.has(reason);
    const allowed = status === OK || told || status === DEADLINE && isShort ||
      status === TOO_LONG && message.length > limits.requestBytesMax ||
      status === UNIMPLEMENTED && ORIGINAL.has(call.path) && call.node > 0;
    assert.ok(allowed, `status ${status} ${reason} for ${what()}`);
    this.#note(call.path, message, answer);
    if (isOver(call.path, answer)) this.#replace(call.caller, caller);
    return answer;
  }

  /** Writes down what it was told. */
  #note(path: string, message: Uint8Array, { status, reason, body }: RawAnswer): void {
    const isUnknown = status === DEADLINE || INDEFINITE.has(reason);
    if (ORIGINAL.has(path)) {
      const isDone = status === OK && (ORIGINAL_READS.has(path) || codeOf(body) === 0);
      if (ORIGINAL_READS.has(path)) this.told.originalUnknown += 1;
      else if (isDone && !path.endsWith("ListUsers")) this.told.originalHappened += 1;
      else if (status !== OK || codeOf(body) === 18) this.told.originalUnknown += 1;
      return;
    }
    if (!MUTATIONS.has(path) || status !== OK && !isUnknown) return;
    const { requestId } = METHODS.find((one) => one.path === path)!.request.fromBytes(message) as {
      readonly requestId: string;
    };
    (isUnknown ? this.told.unknown : this.told.happened).add(requestId.toLowerCase());
  }

  #client(at: number): RawClient {
    if (this.#clients[at]!.closed) this.#clients[at] = new RawClient(this.#addresses[at]!);
    return this.#clients[at]!;
  }

  #replace(at: number, ended: Caller): void {
    const before = this.#callers[at]!;
    // Of several calls that say so, the first sees to it.
    this.#callers[at] = before.then((now) => now.token === ended.token ? this.#after(now) : now);
  }

  /** Another session of the same person, or of a new one where that one is gone. */
  async #after({ name }: Caller): Promise<Caller> {
    const { path, request } = chatMethods.login;
    const message = request.toBytes({ requestId: randomUUID(), name, password: PASSWORD });
    const answer = await this.#client(0).call({ path, message });
    this.#note(path, message, answer);
    if (answer.status !== OK) return await this.#newCaller();
    return { name, token: chatMethods.login.response.fromBytes(answer.body).token };
  }

  async #newCaller(): Promise<Caller> {
    const name = `eve${this.names.length}-${randomUUID().slice(0, 8)}`;
    this.names.push(name);
    const account = { name, password: PASSWORD };
    await this.#ask(chatMethods.createAccount, { requestId: randomUUID(), ...account });
    const { body } = await this.#ask(chatMethods.login, { requestId: randomUUID(), ...account });
    return { name, token: chatMethods.login.response.fromBytes(body).token };
  }

  /** A call that must be taken. */
  async #ask<Request extends { readonly requestId: string }>(
    { path, request }: {
      readonly path: string;
      readonly request: { toBytes(value: Request): Uint8Array };
    },
    value: Request,
    token?: string,
  ): Promise<RawAnswer> {
    const message = request.toBytes(value);
    const call = { path, message, ...(token === undefined ? {} : { token }) };
    const answer = await this.#client(0).call(call);
    assert.equal(answer.status, OK, `${path} of a polite user: ${answer.reason}`);
    this.told.happened.add(value.requestId);
    return answer;
  }
}

/** Whether the caller's session may have ended by this call, or had before. */
function isOver(path: string, { status, reason, body }: RawAnswer): boolean {
  if (ORIGINAL.has(path)) {
    const ends = path === originalMethods.logout.path ||
      path === originalMethods.deleteAccount.path;
    return ends && status === OK && codeOf(body) === 0;
  }
  const ends = path === chatMethods.logout.path || path === chatMethods.deleteAccount.path;
  return ends && status === OK || reason === "UNAUTHENTICATED" && path !== chatMethods.login.path;
}

/** `error_code` of an answer of the original interface; 0 of one without any. */
function codeOf(body: Buffer): number {
  return originalMethods.send.response.fromBytes(body).errorCode;
}

function describe({ path, parts, position, node }: UserCall): string {
  const shown = parts.map((part) => part === "session" ? part : Buffer.from(part).toString("hex"));
  return JSON.stringify({ path, parts: shown, position, node }).slice(0, 2_000);
}
