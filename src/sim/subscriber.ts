/**
 * One user's subscription, kept up across nodes: what the client remembers, and the stream that
 * the node it listens to sends. Owns cursors (§8) and reconnects; a message that comes twice or
 * not at all is recorded as it came, for the `Delivery` checker.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { sameTerm } from "../raft/term.ts";
import type { Index } from "../raft/types.ts";
import { pause } from "./client_calls.ts";
import type { Cluster } from "./cluster.ts";
import type { Process } from "./process.ts";
import type { SimNode } from "./sim_node.ts";
import { resumeAt, type SeenPosition } from "./sim_service.ts";
import type { ReceivedMessage } from "./sim_state.ts";

/** A frame to the client takes this long, ms. */
const FRAME_MS = { low: 0.2, high: 1.5 };

/** A client that hears nothing for so long looks for another node, ms. */
const SILENCE_MS = 900;

/** How often a client looks whether its stream lives, and connects anew if not, ms. */
const CHECK_MS = 120;

/** Positions that a client remembers: one for each term (§8). */
const POSITIONS_MAX = 16;

/** So many frames wait for a client that takes none; then the node ends its stream. */
const WAITING_MAX = 16;

/** A stream from one process. */
interface Stream {
  readonly number: number;
  readonly node: SimNode;
  readonly process: Process;
  readonly stop: () => void;
  /** Newest index sent on it. */
  sent: Index;
  /** When the newest frame arrives: in order, as on one connection. */
  arrivesAt: number;
}

/** One user's subscription. */
export class Subscriber {
  readonly #cluster: Cluster;
  readonly #user: number;
  readonly #accountId: string;
  readonly #random;
  readonly #unacknowledged: string[] = [];
  /** Which stream brought a message, by its id. */
  readonly #seenOn = new Map<string, number>();
  #positions: SeenPosition[] = [];
  #stream: Stream | null = null;
  #streams = 0;
  #turn: number;
  #heardAt = 0;
  /** The client takes nothing off its stream before this time; frames wait here. */
  #stalledUntil = -1;
  #waiting: { readonly stream: Stream; readonly message: ReceivedMessage }[] = [];
  #closed = false;

  constructor(cluster: Cluster, options: { readonly user: number; readonly accountId: string }) {
    this.#cluster = cluster;
    this.#user = options.user;
    this.#accountId = options.accountId;
    this.#turn = options.user;
    this.#random = cluster.world.random.fork(`subscriber ${options.user}`);
  }

  /** Whether it has received this message. */
  has(id: string): boolean {
    return this.#seenOn.has(id);
  }

  start(): void {
    void this.#keepUp();
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }

  /** Goes to another node. */
  move(node: number): void {
    this.#turn = node;
    this.#drop();
  }

  /** Takes nothing for so long. What waits meanwhile it takes then; the rest comes by position. */
  stall(ms: number): void {
    const { world } = this.#cluster;
    this.#stalledUntil = Math.max(this.#stalledUntil, world.now + ms);
    world.at(this.#stalledUntil, () => this.#resume());
  }

  /** Ids of messages received and not yet acknowledged; they count as taken from now on. */
  takeUnacknowledged(): readonly string[] {
    return this.#unacknowledged.splice(0);
  }

  async #keepUp(): Promise<void> {
    const { world } = this.#cluster;
    while (!this.#closed) {
      if (!this.#stalled && !this.#listens()) await this.#connect();
      await pause(world, CHECK_MS);
    }
  }

  get #stalled(): boolean {
    return this.#cluster.world.now < this.#stalledUntil;
  }

  #resume(): void {
    if (this.#stalled) return;
    this.#heardAt = this.#cluster.world.now;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { stream, message } of waiting) this.#take(stream, message);
    // The stream was ended behind what waited.
    if (waiting.length >= WAITING_MAX) this.#drop();
  }

  #listens(): boolean {
    const stream = this.#stream;
    if (stream === null) return false;
    // A dead process's connection breaks; one that is stalled is silent, and one out of touch with
    // the cluster ends its streams.
    const { world } = this.#cluster;
    if (stream.node.connected) this.#heardAt = world.now;
    const silent = world.now - this.#heardAt > SILENCE_MS;
    if (stream.process.alive && !silent) return true;
    this.#drop();
    return false;
  }

  async #connect(): Promise<void> {
    const { nodes, world } = this.#cluster;
    const node = nodes[this.#turn++ % nodes.length]!;
    const process = node.process;
    if (process === null || process.stalled || node.driver === null) return;
    try {
      const sent = resumeAt(node.driver, this.#positions);
      const { driver } = node;
      let applied = driver.appliedPosition();
      const stop = driver.onApplied((messages, position, outcomes) => {
        const before = applied;
        applied = position;
        // On another history (§9) the place in this stream means nothing: it is resumed.
        const here = driver.termAt(before.index);
        if (outcomes === null && (here === null || !sameTerm(here, before.term))) {
          if (this.#stream === stream) this.#drop();
          return;
        }
        // Without outcomes it is a snapshot, which may bring anything.
        const mine = messages.some(({ toAccountId }) => toAccountId === this.#accountId);
        if (mine || outcomes === null) {
          this.#push(stream).catch((error) => this.#cluster.world.fail(error));
        }
      });
      const number = this.#streams++;
      const stream: Stream = { number, node, process, stop, sent, arrivesAt: world.now };
      this.#stream = stream;
      this.#heardAt = world.now;
      await this.#push(stream);
    } catch (error) {
      // Too far behind for this client, or still starting: the next one may do.
      if (!(error instanceof ChatError)) throw error;
    }
  }

  #drop(): void {
    this.#stream?.stop();
    this.#stream = null;
  }

  async #push(stream: Stream): Promise<void> {
    const { world } = this.#cluster;
    const { view } = stream.node.state;
    const received = await world.track(view.received(this.#accountId, stream.sent));
    if (!stream.process.alive) return;
    for (const message of received) {
      if (message.index <= stream.sent) continue;
      stream.sent = message.index;
      const ms = this.#random.between(FRAME_MS.low, FRAME_MS.high);
      stream.arrivesAt = Math.max(stream.arrivesAt, world.now + ms);
      world.at(stream.arrivesAt, () => this.#take(stream, message));
    }
  }

  #take(stream: Stream, message: ReceivedMessage): void {
    // What is still on its way when the client goes elsewhere is lost.
    if (this.#stream !== stream || this.#closed) return;
    if (this.#stalled) {
      if (this.#waiting.length < WAITING_MAX) this.#waiting.push({ stream, message });
      return;
    }
    const { id, index } = message;
    this.#heardAt = this.#cluster.world.now;
    // A node that lacks the newest position goes on from an older one (§8): what comes again on
    // another stream is dropped, by its id. On one stream nothing may come twice.
    const before = this.#seenOn.get(id);
    if (before !== undefined && before !== stream.number) return;
    this.#seenOn.set(id, stream.number);
    this.#unacknowledged.push(id);
    this.#remember(message);
    this.#cluster.recorder.fact({
      kind: "delivered",
      user: this.#user,
      stream: stream.number,
      message: { id, index },
    });
  }

  #remember({ index, term }: ReceivedMessage): void {
    const others = this.#positions.filter((position) => !sameTerm(position.term, term));
    this.#positions = [{ index, term }, ...others].slice(0, POSITIONS_MAX);
  }
}
