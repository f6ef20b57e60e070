/**
 * The conversation of the demo: two accounts that write to one another, and the proof that
 * nothing was lost. Owns what was acknowledged, what arrived, and the comparison of both with
 * the history; it does not know that nodes are being killed meanwhile.
 *
 * @module
 */

import type { ChatClient } from "../client/chat_client.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";

/** A line that was acknowledged. */
export interface SaidLine {
  readonly from: string;
  readonly body: string;
  readonly id: string;
  readonly seq: number;
  /** From writing it to its acknowledgement. */
  readonly tookMs: number;
}

const LINES = [
  "Are you there?",
  "Yes. Which node are you on?",
  "No idea. Does it matter?",
  "Not as long as one of them lives.",
  "And if the one that we talk to dies?",
  "Then another takes over, and we go on.",
  "With everything we said?",
  "With everything, once, and in order.",
] as const;

/** Two people who are logged in, taking turns. */
export class Talk {
  readonly #clients: readonly [ChatClient, ChatClient];
  readonly #said: SaidLine[] = [];
  /** Ids that arrived at each of the two, as they came. */
  readonly #arrived: readonly [string[], string[]] = [[], []];
  readonly #listening = new AbortController();
  readonly #listeners: readonly Promise<void>[];

  /** Both clients are logged in; each listens from now on. */
  constructor(clients: readonly [ChatClient, ChatClient]) {
    this.#clients = clients;
    this.#listeners = clients.map((client, index) => this.#listen(client, index));
  }

  get said(): readonly SaidLine[] {
    return this.#said;
  }

  /** Says the next line; resolves once it is acknowledged, however long that takes. */
  async sayNext(): Promise<SaidLine> {
    const turn = this.#said.length;
    const [speaker, listener] = turn % 2 === 0 ? this.#clients : this.#clients.toReversed();
    const body = LINES[turn % LINES.length] ?? "";
    if (!speaker?.user || !listener?.user) throw new ChatError("INTERNAL", "Nobody is logged in");
    const started = performance.now();
    const { id, seq } = await speaker.post(listener.user, body);
    const line = { from: speaker.user, body, id, seq, tookMs: performance.now() - started };
    this.#said.push(line);
    return line;
  }

  /**
   * Throws `CORRUPT` with the first difference unless every acknowledged line is in the history
   * and arrived at its receiver, once and in order.
   */
  async check(): Promise<void> {
    await this.#allArrived();
    const expected = this.#said.map(({ id }) => id);
    compare("The history", await this.#history(), expected);
    for (const [index, arrived] of this.#arrived.entries()) {
      const { user } = this.#clients[index] ?? {};
      const sent = this.#said.filter(({ from }) => from !== user).map(({ id }) => id);
      compare(`What arrived at ${user}`, arrived, sent);
    }
  }

  /** Stops listening. */
  async close(): Promise<void> {
    this.#listening.abort();
    await Promise.allSettled(this.#listeners);
  }

  async #listen(client: ChatClient, index: number): Promise<void> {
    const { signal } = this.#listening;
    const messages = client.subscribe({ fromUnacknowledged: true, signal });
    for await (const message of messages) this.#arrived[index]?.push(message.id);
  }

  async #allArrived(): Promise<void> {
    const deadline = performance.now() + limits.demoArrivalMsMax;
    while (this.#arrived.flat().length < this.#said.length && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, limits.adminPollMs));
    }
  }

  /** Ids of the whole conversation, oldest first: pages are read from its end. */
  async #history(): Promise<readonly string[]> {
    const [reader, other] = this.#clients;
    const ids: string[] = [];
    const request = { with: other.user ?? "", limit: limits.pageRowsMax };
    let page = await reader.history(request);
    ids.unshift(...page.messages.map(({ id }) => id));
    while (page.more && page.messages[0] !== undefined) {
      page = await reader.history({ ...request, before: page.messages[0].position });
      ids.unshift(...page.messages.map(({ id }) => id));
    }
    return ids;
  }
}

function compare(what: string, found: readonly string[], expected: readonly string[]): void {
  for (let index = 0; index < Math.max(found.length, expected.length); index++) {
    if (found[index] === expected[index]) continue;
    throw new ChatError(
      "CORRUPT",
      `${what} has ${found.length} messages, ${expected.length} were acknowledged; ` +
        `they differ at number ${index + 1}: this is a bug, please report it`,
    );
  }
}
