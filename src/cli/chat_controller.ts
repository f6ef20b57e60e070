/**
 * The doings of an interactive chat: what a typed line means, what arrives, what is refreshed.
 * Owns the flow between client and model; how it looks is the screen's or the plain chat's.
 *
 * @module
 */

import type { ChatClient } from "../client/chat_client.ts";
import type { ClientClock } from "../client/clock.ts";
import { newRequestId } from "../client/request_id.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { User } from "../rpc/api.ts";
import type { ChatModel } from "./chat_model.ts";
import { timeText } from "./chat_text.ts";
import { printable } from "./text.ts";

/** What `/help` shows. */
function helpLines(canSuspend: boolean): readonly string[] {
  return [
    "/to NAME      talk to somebody (Tab goes to the next one with news)",
    "/users        everyone, online or offline",
    "/history [N]  show N older messages",
    "/help         this",
    `/quit         leave (also Ctrl-D${canSuspend ? "; Ctrl-Z suspends" : ""})`,
    "Anything else is sent; a line that starts with // is sent with one /.",
  ];
}

/** Name under which lines are kept that belong to no conversation. */
export const NOBODY = "";

/** What a controller works with. */
export interface ControllerOptions {
  readonly client: ChatClient;
  readonly clock: ClientClock;
  readonly model: ChatModel;
  /** Ctrl-Z stops the chat until its shell goes on with it; not so on Windows. */
  readonly canSuspend: boolean;
  /** The user, or the cluster, ended the chat; with an error if it cannot go on. */
  readonly onEnd: (error: ChatError | null) => void;
}

/** Runs one chat. */
export class ChatController {
  readonly #client: ChatClient;
  readonly #clock: ClientClock;
  readonly #model: ChatModel;
  readonly #canSuspend: boolean;
  readonly #onEnd: (error: ChatError | null) => void;
  readonly #controller = new AbortController();
  readonly #stops: (() => void)[] = [];
  /** Shown but not acknowledged yet. */
  readonly #shown = new Set<string>();
  #acknowledging = false;
  #leaving = false;

  constructor(options: ControllerOptions) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#model = options.model;
    this.#canSuspend = options.canSuspend;
    this.#onEnd = options.onEnd;
  }

  /** Starts to listen and to keep the list of people fresh. */
  start(): void {
    this.#stops.push(this.#client.onState((state) => {
      // All were accepted: those that wait in a later outage are asked about anew.
      if (state.unsent === 0) this.#leaving = false;
      this.#model.setState(state);
    }));
    this.#stops.push(this.#client.watch());
    void this.#listen();
    void this.#refreshPeople();
    this.#acknowledgeSoon();
  }

  stop(): void {
    this.#controller.abort();
    for (const stop of this.#stops.splice(0)) stop();
  }

  /** What a line that the user typed asks for. */
  async enter(text: string): Promise<void> {
    const [command = "", ...words] = text.trim().split(/\s+/);
    const argument = words.join(" ");
    switch (command.startsWith("/") ? command : "") {
      case "/to":
        return await this.#open(argument);
      case "/users":
        return await this.#tellUsers();
      case "/history":
        return await this.#older(argument);
      case "/help":
        return helpLines(this.#canSuspend).forEach((line) => this.#tell(line));
      case "/quit":
        return this.leave();
      case "":
        return this.#send(text);
      default:
        if (command.startsWith("//")) return this.#send(text.trimStart().slice(1));
        this.#tell(`There is no ${printable(command)}: /help shows what there is.`);
    }
  }

  /** Opens the next conversation with something unread, or else the next person's. */
  async openNext(): Promise<void> {
    const people = this.#model.people();
    const unread = people.find((person) => person.unread > 0);
    const at = people.findIndex((person) => person.name === this.#model.current);
    const next = unread ?? people[(at + 1) % Math.max(people.length, 1)];
    if (next !== undefined) await this.#open(next.name);
  }

  /** Ends the chat; asks once if messages would be given up. */
  leave(): void {
    const { unsent } = this.#client.state;
    if (unsent === 0 || this.#leaving) return this.#onEnd(null);
    this.#leaving = true;
    this.#tell(`${unsent} not accepted yet: /quit again leaves anyway.`);
  }

  /**
   * Nobody types any more, so nobody can be asked: ends the chat once nothing waits, or with an error
   * after as long as any command would try.
   */
  async leaveSettled(): Promise<void> {
    if (await this.#settled()) return this.#onEnd(null);
    const seconds = limits.chatSettleMsMax / 1_000;
    const text =
      `Cannot send what was typed within ${seconds} s: ${this.#client.state.unsent} not ` +
      "accepted, of which the first may have been; check the servers, then try again";
    this.#onEnd(new ChatError("NO_ANSWER", text));
  }

  /** True once nothing waits; false if that takes too long. */
  async #settled(): Promise<boolean> {
    if (this.#client.state.unsent === 0) return true;
    return await new Promise<boolean>((resolve) => {
      const done = (settled: boolean) => {
        stop();
        cancel();
        resolve(settled);
      };
      const cancel = this.#clock.after(limits.chatSettleMsMax, () => done(false));
      this.#stops.push(cancel);
      const stop = this.#client.onState(({ unsent }) => {
        if (unsent === 0) done(true);
      });
    });
  }

  async #open(name: string): Promise<void> {
    if (name === "") return this.#tell("Say to whom: /to NAME");
    const opened = this.#model.open(name);
    this.#show(opened.unread);
    if (this.#model.isLoaded(opened.name)) {
      await this.#loadNewer().catch(() => {});
    } else {
      await this.#load(opened.name, limits.chatHistoryLines);
    }
  }

  async #older(argument: string): Promise<void> {
    const { current } = this.#model;
    const count = argument === "" ? limits.chatHistoryLines : Number(argument);
    if (current === null) return this.#tell("Say first whose: /to NAME");
    if (!Number.isInteger(count) || count < 1 || count > limits.pageRowsMax) {
      return this.#tell(`Say how many, from 1 to ${limits.pageRowsMax}: /history N`);
    }
    if (this.#model.isLoaded(current) && this.#model.olderThan(current) === null) {
      return this.#tell("There is nothing older.");
    }
    await this.#load(current, count);
  }

  async #load(name: string, limit: number): Promise<void> {
    const before = this.#model.olderThan(name);
    const request = { with: name, limit, ...(before === null ? {} : { before }) };
    await this.#try(async () => {
      const page = await this.#client.history(request, { signal: this.#controller.signal });
      this.#model.addHistory(name, page.messages, page.more);
    });
  }

  /** What the user wrote at another login comes by no subscription: the open conversation is read. */
  async #loadNewer(): Promise<void> {
    const name = this.#model.current;
    if (name === null || !this.#model.isLoaded(name)) return;
    for (let more = true; more;) {
      const after = this.#model.completeThrough(name);
      const request = { with: name, limit: limits.chatHistoryLines, ...(after && { after }) };
      const page = await this.#client.history(request, { signal: this.#controller.signal });
      this.#model.addNewer(name, page.messages);
      // Without a position it was the newest page: what is before it is older.
      more = page.more && after !== null;
    }
  }

  #send(text: string): void {
    const to = this.#model.current;
    if (text.trim() === "") return;
    if (to === null) return this.#tell("Say first to whom: /to NAME (/users shows everyone)");
    const id = newRequestId(this.#clock);
    const own = { kind: "message", id, from: this.#model.self, to, body: text } as const;
    const atMs = this.#clock.wall();
    this.#model.addOwn({ ...own, atMs, seq: null });
    this.#client.post(to, text, { requestId: id, isNewId: true }).then(
      (accepted) => {
        this.#model.renameOwn(to, id, accepted.id);
        const { id: known, seq, acceptedAtMs } = accepted;
        this.#model.addOwn({ ...own, id: known, atMs: acceptedAtMs, seq });
      },
      (thrown) => {
        if (this.#controller.signal.aborted) return;
        this.#model.dropOwn(to, id);
        const error = ChatError.from(thrown);
        const what = error.definite ? "Not sent" : "Perhaps not sent";
        const line = `${what}: ${printable(text)} (${printable(error.message)})`;
        this.#model.notice(to, line, this.#clock.wall());
      },
    );
  }

  /** As they are now: a line piped in comes before the first look at them is done. */
  async #tellUsers(): Promise<void> {
    if (!await this.#try(() => this.#loadPeople())) return;
    const now = this.#clock.wall();
    const people = this.#model.people();
    if (people.length === 0) return this.#tell("There is nobody else.");
    for (const { name, online, lastSeenMs, unread } of people) {
      const count = unread > limits.unreadShownMax ? `${limits.unreadShownMax}+` : unread;
      const seen = lastSeenMs === null ? "" : `, last seen ${timeText(lastSeenMs, now)}`;
      const news = unread === 0 ? "" : `, ${count} unread`;
      this.#tell(`${printable(name)}: ${online ? "online" : `offline${seen}`}${news}`);
    }
  }

  #tell(text: string): void {
    this.#model.notice(this.#model.current ?? NOBODY, text, this.#clock.wall());
  }

  async #listen(): Promise<void> {
    const { signal } = this.#controller;
    try {
      for await (const message of this.#client.subscribe({ fromUnacknowledged: true, signal })) {
        if (this.#model.receive(message)) this.#show([message.id]);
      }
    } catch (thrown) {
      if (!signal.aborted) this.#onEnd(ChatError.from(thrown));
    }
  }

  async #refreshPeople(): Promise<void> {
    try {
      await this.#loadPeople();
      await this.#loadNewer();
    } catch {
      // An outage shows in the state, and what is wrong for good in the subscription.
    }
    if (this.#controller.signal.aborted) return;
    this.#later(limits.peopleRefreshMs, () => void this.#refreshPeople());
  }

  async #loadPeople(): Promise<void> {
    const users: User[] = [];
    for await (const user of this.#client.users({ signal: this.#controller.signal })) {
      users.push(user);
      if (users.length >= limits.peopleShownMax) break;
    }
    this.#model.setPeople(users);
  }

  /** Above the bound they stay unacknowledged, and come again at the next start. */
  #show(ids: readonly string[]): void {
    for (const id of ids) {
      if (this.#shown.size < 2 * limits.ackIdsMax) this.#shown.add(id);
    }
  }

  /** What was shown is acknowledged a little later, several at once; a failure tries again. */
  #acknowledgeSoon(): void {
    this.#later(limits.acknowledgeMs, () => {
      this.#acknowledgeSoon();
      if (!this.#acknowledging && this.#shown.size > 0) void this.#acknowledge();
    });
  }

  async #acknowledge(): Promise<void> {
    this.#acknowledging = true;
    const ids = [...this.#shown].slice(0, limits.ackIdsMax);
    try {
      await this.#client.acknowledge({ ids }, { signal: this.#controller.signal });
      for (const id of ids) this.#shown.delete(id);
    } catch (thrown) {
      if (ChatError.from(thrown).reason === "INVALID_ARGUMENT") this.#shown.clear();
    } finally {
      this.#acknowledging = false;
    }
  }

  #later(ms: number, task: () => void): void {
    const cancel = this.#clock.after(ms, () => {
      this.#stops.splice(this.#stops.indexOf(cancel), 1);
      task();
    });
    this.#stops.push(cancel);
  }

  /** True if it succeeded; a failure is told. */
  async #try(action: () => Promise<void>): Promise<boolean> {
    try {
      await action();
      return true;
    } catch (thrown) {
      if (!this.#controller.signal.aborted) this.#tell(printable(ChatError.from(thrown).message));
      return false;
    }
  }
}
