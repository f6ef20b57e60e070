/**
 * What an interactive chat knows: people, conversations, what is unread, how the cluster is.
 * Owns the order of lines and every bound on what is kept; it neither draws nor asks a server,
 * so both forms of the chat, and their tests, share it.
 *
 * @module
 */

import { nameKey } from "../chat/name.ts";
import type { ClientState } from "../client/chat_client.ts";
import { limits } from "../limits.ts";
import type { Message, User } from "../rpc/api.ts";

/** Somebody to talk to. */
export interface Person {
  readonly name: string;
  readonly online: boolean;
  readonly lastSeenMs: number | null;
  /** Counted to one more than is shown as a number. */
  readonly unread: number;
}

/** One line of a conversation. Bodies are as they came: who draws makes them printable. */
export type TalkLine =
  | {
    readonly kind: "message";
    readonly id: string;
    readonly from: string;
    readonly to: string;
    readonly body: string;
    readonly atMs: number;
    /** Its place in the one order; `null` while it waits to be accepted. */
    readonly seq: number | null;
  }
  | { readonly kind: "notice"; readonly text: string; readonly atMs: number };

interface Talk {
  readonly name: string;
  lines: TalkLine[];
  /** Position before which older messages may be loaded; `null` if there are none. */
  older: string | null;
  loaded: boolean;
  /** Position up to which nothing is missing that the user wrote elsewhere; `null`: there was nothing. */
  through: string | null;
  /** Ids that arrived while another conversation was open; of as many as there are lines. */
  unread: string[];
}

/** Says what was added, for a chat that prints line by line. */
export type LineListener = (name: string, line: TalkLine) => void;

/** Says what was loaded of a conversation, oldest first. */
export type PageListener = (name: string, lines: readonly TalkLine[]) => void;

/** Who is told of changes. */
export interface ModelListeners {
  readonly onChange: () => void;
  readonly onLine?: LineListener;
  readonly onPage?: PageListener;
}

/** The state of one interactive chat. */
export class ChatModel {
  /** Name of the user. */
  readonly self: string;
  readonly #onChange: () => void;
  readonly #onLine: LineListener;
  readonly #onPage: PageListener;
  #people = new Map<string, Person>();
  readonly #talks = new Map<string, Talk>();
  #current: string | null = null;
  #state: ClientState = { phase: "connecting", leader: null, waiting: 0, unsent: 0 };
  #notification: { readonly name: string; readonly body: string } | null = null;

  constructor(self: string, listeners: ModelListeners) {
    this.self = self;
    this.#onChange = listeners.onChange;
    this.#onLine = listeners.onLine ?? (() => {});
    this.#onPage = listeners.onPage ?? (() => {});
  }

  get state(): ClientState {
    return this.#state;
  }

  /** Whom the user talks to. */
  get current(): string | null {
    return this.#current;
  }

  /** The newest message that came in another conversation, until that is opened. */
  get notification(): { readonly name: string; readonly body: string } | null {
    return this.#notification;
  }

  /**
   * Unread first, then who is online, then who was talked to. The user is among them only with
   * something unread, as from a script: what is told as news must be there to be opened.
   */
  people(): readonly Person[] {
    const rank = ({ name, unread, online }: Person) => {
      return unread > 0 ? 0 : online ? 1 : this.lines(name).length > 0 ? 2 : 3;
    };
    return [...this.#people.values()]
      .filter(({ name, unread }) => unread > 0 || nameKey(name) !== nameKey(this.self))
      .sort((a, b) => rank(a) - rank(b) || (nameKey(a.name) < nameKey(b.name) ? -1 : 1));
  }

  person(name: string): Person | undefined {
    return this.#people.get(nameKey(name));
  }

  /** Lines of a conversation, oldest first, what waits to be accepted last. */
  lines(name: string): readonly TalkLine[] {
    return this.#talks.get(nameKey(name))?.lines ?? [];
  }

  /** Messages of the user that wait to be accepted, of all conversations that are kept. */
  unaccepted(): readonly { readonly to: string; readonly body: string }[] {
    return [...this.#talks.values()].flatMap(({ lines }) =>
      lines.flatMap((line) => line.kind === "message" && line.seq === null ? [line] : [])
    );
  }

  /** From where older messages are to be loaded; `null` if there are none or none known. */
  olderThan(name: string): string | null {
    return this.#talks.get(nameKey(name))?.older ?? null;
  }

  isLoaded(name: string): boolean {
    return this.#talks.get(nameKey(name))?.loaded ?? false;
  }

  /** Position from which on the user may have written in a conversation at another login. */
  completeThrough(name: string): string | null {
    return this.#talks.get(nameKey(name))?.through ?? null;
  }

  setState(state: ClientState): void {
    this.#state = state;
    this.#onChange();
  }

  /** Takes in everyone as the cluster tells; who is not told any more is gone. */
  setPeople(users: readonly User[]): void {
    const people = new Map<string, Person>();
    for (const { name, online, lastSeenMs } of users) {
      const unread = this.#people.get(nameKey(name))?.unread ?? 0;
      people.set(nameKey(name), { name, online, lastSeenMs, unread });
    }
    for (const [key, person] of this.#people) {
      if (!people.has(key) && person.unread > 0) people.set(key, { ...person, online: false });
    }
    this.#people = people;
    this.#onChange();
  }

  /** Opens a conversation. Gives its name, and the ids of what was unread in it until now. */
  open(name: string): { readonly name: string; readonly unread: readonly string[] } {
    const known = this.#people.get(nameKey(name));
    const opened = known?.name ?? name;
    this.#current = opened;
    if (known !== undefined) this.#people.set(nameKey(name), { ...known, unread: 0 });
    if (this.#notification !== null && nameKey(this.#notification.name) === nameKey(name)) {
      this.#notification = null;
    }
    const talk = this.#talk(opened);
    const unread = talk.unread;
    talk.unread = [];
    this.#onChange();
    return { name: opened, unread };
  }

  /** A message that arrived for the user. True if its conversation is open. */
  receive(message: Message): boolean {
    this.#insert(message.from, lineOf(message));
    if (this.#isCurrent(message.from)) return true;
    const { unread } = this.#talk(message.from);
    unread.push(message.id);
    // Whose line was dropped is not shown when the conversation is opened, and comes again later.
    if (unread.length > limits.conversationLinesMax) unread.shift();
    const known = this.#people.get(nameKey(message.from)) ??
      { name: message.from, online: true, lastSeenMs: null, unread: 0 };
    const count = Math.min(known.unread + 1, limits.unreadShownMax + 1);
    this.#people.set(nameKey(message.from), { ...known, unread: count });
    this.#notification = { name: message.from, body: message.body };
    this.#onChange();
    return false;
  }

  /** A page of a conversation, oldest first; `more` if there is something before it. */
  addHistory(name: string, messages: readonly Message[], more: boolean): void {
    const talk = this.#talk(name);
    for (const message of messages) this.#insert(name, lineOf(message), true);
    talk.older = more ? messages[0]?.position ?? null : null;
    talk.loaded = true;
    talk.through ??= messages.at(-1)?.position ?? null;
    this.#onPage(name, messages.map(lineOf));
    this.#onChange();
  }

  /**
   * Messages of a conversation that follow `completeThrough`, oldest first: what the user wrote at
   * another login is added. What others wrote comes by itself.
   */
  addNewer(name: string, messages: readonly Message[]): void {
    const own = (from: string) => nameKey(from) === nameKey(this.self);
    for (const message of messages) {
      if (own(message.from) && !own(message.to)) this.#insert(name, lineOf(message));
    }
    const talk = this.#talk(name);
    talk.through = messages.at(-1)?.position ?? talk.through;
  }

  /** A message of the user on its way, or (with `seq`) accepted. */
  addOwn(message: Extract<TalkLine, { kind: "message" }>): void {
    this.#insert(message.to, message);
  }

  /** A message of the user was accepted under another id than it was sent under at first. */
  renameOwn(name: string, id: string, accepted: string): void {
    if (id === accepted) return;
    const talk = this.#talk(name);
    const isKnown = talk.lines.some((line) => line.kind === "message" && line.id === accepted);
    // It may have come with a page of the conversation meanwhile.
    if (isKnown) return this.dropOwn(name, id);
    talk.lines = talk.lines.map((line) => {
      return line.kind === "message" && line.id === id ? { ...line, id: accepted } : line;
    });
  }

  /** A message of the user that was refused for good. */
  dropOwn(name: string, id: string): void {
    const talk = this.#talk(name);
    talk.lines = talk.lines.filter((line) => line.kind !== "message" || line.id !== id);
    this.#onChange();
  }

  /** Something to tell the user, in a conversation. */
  notice(name: string, text: string, atMs: number): void {
    const line: TalkLine = { kind: "notice", text, atMs };
    const talk = this.#talk(name);
    talk.lines.push(line);
    this.#bound(talk);
    this.#onLine(name, line);
    this.#onChange();
  }

  #isCurrent(name: string): boolean {
    return this.#current !== null && nameKey(this.#current) === nameKey(name);
  }

  /** Puts a message where it belongs in the one order; replaces the same one. */
  #insert(name: string, line: Extract<TalkLine, { kind: "message" }>, quiet = false): void {
    const talk = this.#talk(name);
    const known = talk.lines.findIndex((one) => one.kind === "message" && one.id === line.id);
    if (known >= 0) talk.lines.splice(known, 1);
    const seq = line.seq ?? Infinity;
    talk.lines.splice(placeOf(seq, talk.lines), 0, line);
    this.#bound(talk);
    if (known < 0 && !quiet) this.#onLine(name, line);
    this.#onChange();
  }

  #talk(name: string): Talk {
    const key = nameKey(name);
    const talk = this.#talks.get(key) ?? {
      name,
      lines: [],
      older: null,
      loaded: false,
      through: null,
      unread: [],
    };
    // Most recently used last: the first is dropped when there are too many.
    this.#talks.delete(key);
    this.#talks.set(key, talk);
    if (this.#talks.size > limits.conversationsMax) {
      for (const [oldest] of this.#talks) {
        if (this.#isCurrent(oldest)) continue;
        this.#talks.delete(oldest);
        break;
      }
    }
    return talk;
  }

  #bound(talk: Talk): void {
    if (talk.lines.length > limits.conversationLinesMax) talk.lines.shift();
  }
}

function lineOf(message: Message): Extract<TalkLine, { kind: "message" }> {
  const { id, from, to, body, sentAtMs, seq } = message;
  return { kind: "message", id, from, to, body, atMs: sentAtMs, seq };
}

/**
 * Before the first message that comes after it; unaccepted ones come last. A notice stays where it was
 * said, after what was there, and says nothing of what is above it.
 */
function placeOf(seq: number, lines: readonly TalkLine[]): number {
  let place = lines.length;
  for (let at = lines.length - 1; at >= 0; at--) {
    const line = lines[at];
    if (line?.kind !== "message") continue;
    if ((line.seq ?? Infinity) <= seq) break;
    place = at;
  }
  return place;
}
