/**
 * Clients that write all the time, in many conversations, by the library: some impatient, some
 * asking twice at once, some again after they gave up. Owns the record of what was sent and
 * acknowledged, and how long nothing was.
 *
 * @module
 */

import { type ChatClient, ChatError, openChat, type Reason } from "../../mod.ts";
import { systemClock } from "../../src/client/clock.ts";
import { newRequestId } from "../../src/client/request_id.ts";
import type { Random } from "../../src/sim/random.ts";
import { wait } from "./pause.ts";
import type { SentMessage } from "./record.ts";

export const PASSWORD = "a long enough password";

/** Most sends are given so long, ms; some give up soon, and their outcome is open. */
const PATIENT_MS = 30_000;
const IMPATIENT_MS = 400;
/** Pause of one writer between two messages, ms. */
const PAUSE_MS = 30;

/** Answers that a cluster in trouble may give for good; any other is a bug somewhere. */
const TROUBLE: ReadonlySet<Reason> = new Set([
  "NO_LEADER",
  "NOT_LEADER",
  "SHUTTING_DOWN",
  "LEADERSHIP_LOST",
  "COMMIT_TIMEOUT",
  "NO_ANSWER",
  "OVERLOADED",
  "RATE_LIMITED",
  "DISK_FULL",
  "NOT_UP_TO_DATE",
]);

export interface WritersOptions {
  readonly servers: readonly string[];
  readonly writers: readonly string[];
  readonly receivers: readonly string[];
  readonly random: Random;
  /** Longest that a login may take before anything begins, ms. */
  readonly beginMsMax: number;
  readonly onProblem: (text: string) => void;
}

/** Accounts that write to receivers chosen at random. */
export class Writers {
  readonly #options: WritersOptions;
  readonly #clients: readonly ChatClient[];
  readonly #clock = systemClock();
  readonly sent: SentMessage[] = [];
  #acknowledged = 0;
  #running: Promise<void>[] = [];
  #stopped = false;
  #lastMs = performance.now();
  #pauseMsMax = 0;

  private constructor(options: WritersOptions, clients: readonly ChatClient[]) {
    this.#options = options;
    this.#clients = clients;
  }

  /** Opens the clients, whose accounts must be there, and begins. */
  static async start(options: WritersOptions): Promise<Writers> {
    const clients = await Promise.all(options.writers.map(async (name) => {
      const client = openChat({ servers: options.servers });
      await client.login(name, PASSWORD, { timeoutMs: options.beginMsMax });
      return client;
    }));
    const writers = new Writers(options, clients);
    writers.#lastMs = performance.now();
    writers.#running = clients.map((client, number) =>
      writers.#write(client, options.random.fork(`writer ${number}`))
    );
    return writers;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Longest time without any acknowledged message so far, ms. */
  get pauseMsMax(): number {
    return Math.max(this.#pauseMsMax, performance.now() - this.#lastMs);
  }

  /** Tokens of the writers, for reading what they wrote. */
  get tokens(): readonly { readonly user: string; readonly token: string }[] {
    return this.#clients.flatMap((client) => {
      const { user, token } = client.sessionState() ?? {};
      return user === undefined || token === undefined ? [] : [{ user, token }];
    });
  }

  /** A condition: so many messages that were sent after this call are acknowledged. */
  more(count: number): () => boolean {
    const since = performance.now();
    const place = this.sent.length;
    return () =>
      this.sent.slice(place).filter((one) => one.sentMs >= since && one.answeredMs > 0).length >=
        count;
  }

  /** Sends nothing more, and waits for what is on its way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  close(): void {
    this.#stopped = true;
    for (const client of this.#clients) client.close();
  }

  async #write(client: ChatClient, random: Random): Promise<void> {
    const from = client.user ?? "";
    for (let number = 1; !this.#stopped; number++) {
      const to = random.pick(this.#options.receivers);
      const message = this.#note({ from, to, body: `${from} to ${to}, number ${number}` });
      const way = random.next();
      if (way < 0.02) await this.#toNobody(client, message);
      else if (way < 0.1) await this.#impatiently(client, { message, again: random.chance(0.6) });
      else if (way < 0.15) await this.#twice(client, message);
      else await this.#send(client, message, PATIENT_MS);
      await wait(PAUSE_MS);
    }
  }

  #note(message: Pick<SentMessage, "from" | "to" | "body">): SentMessage {
    const id = newRequestId(this.#clock);
    const sentMs = performance.now();
    const noted: SentMessage = {
      id,
      ...message,
      sentMs,
      outcome: "open",
      seq: 0,
      otherSeqs: [],
      answeredMs: 0,
    };
    this.sent.push(noted);
    return noted;
  }

  /** Nobody of that name: it must be refused, and never be anywhere. */
  async #toNobody(client: ChatClient, message: SentMessage): Promise<void> {
    await this.#send(client, { ...message, to: "nobody-at-all" }, PATIENT_MS, "NO_SUCH_USER")
      .then((outcome) => message.outcome = outcome);
  }

  /** Gives up soon, and may ask again with the same id. */
  async #impatiently(
    client: ChatClient,
    { message, again }: { readonly message: SentMessage; readonly again: boolean },
  ): Promise<void> {
    const outcome = await this.#send(client, message, IMPATIENT_MS);
    if (outcome === "indefinite" && again) await this.#send(client, message, PATIENT_MS);
  }

  /** Asks for the same twice at once: it must happen once. */
  async #twice(client: ChatClient, message: SentMessage): Promise<void> {
    await Promise.all([1, 2].map(() => this.#send(client, message, PATIENT_MS)));
  }

  /** One call of the library, and what it says about the message. */
  async #send(
    client: ChatClient,
    message: SentMessage,
    timeoutMs: number,
    expected?: Reason,
  ): Promise<SentMessage["outcome"]> {
    const { id, to, body } = message;
    try {
      const { seq } = await client.send(to, body, { requestId: id, timeoutMs });
      this.#answered(message, seq);
    } catch (thrown) {
      const error = ChatError.from(thrown);
      const isKnown = TROUBLE.has(error.reason) || error.reason === expected;
      if (!isKnown && !this.#stopped) {
        this.#options.onProblem(`${message.from} was refused: ${error.reason}, ${error.message}`);
      }
      // Of two calls one may have an answer and the other none: the answer counts.
      if (message.outcome !== "acknowledged") {
        const before = message.outcome;
        message.outcome = error.definite && before !== "indefinite" ? "refused" : "indefinite";
      }
    }
    return message.outcome;
  }

  #answered(message: SentMessage, seq: number): void {
    const now = performance.now();
    message.outcome = "acknowledged";
    if (message.answeredMs > 0) {
      if (message.seq !== seq) message.otherSeqs.push(seq);
      return;
    }
    message.seq = seq;
    message.answeredMs = now;
    this.#acknowledged += 1;
    this.#pauseMsMax = Math.max(this.#pauseMsMax, now - this.#lastMs);
    this.#lastMs = now;
  }
}
