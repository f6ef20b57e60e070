/**
 * A partition that lasts until both sides have gone on and acknowledged messages of their own
 * (DESIGN §9), and its end. Owns who is parted from whom, what is written on each side, and from
 * when to when one order for all was not promised, also because the torture itself stood still, and
 * with it all that passes between nodes; whether everything was brought together is the checker's.
 *
 * @module
 */

import { ChatError } from "../../mod.ts";
import { systemClock } from "../../src/client/clock.ts";
import { newRequestId } from "../../src/client/request_id.ts";
import { connect } from "../../src/rpc/client.ts";
import type { Budget } from "./budget.ts";
import type { Lanes } from "./lanes.ts";
import type { Load } from "./load.ts";
import type { LoopWatch } from "./loop_watch.ts";
import type { Nodes, Place } from "./nodes.ts";
import { wait } from "./pause.ts";
import type { Parting, SentMessage } from "./record.ts";

/** Both sides go on within this, ms: T + G, an election, a slow machine. */
const GOES_ON_MS_MAX = 20_000;
/** Messages that each side acknowledges before the sides meet again. */
const MESSAGES_PER_SIDE = 10;
/** One message on one side, ms: a side that does not go on yet must not hold up for long. */
const SEND_MS_MAX = 2_000;
/** Pause between two messages of one side, and between two looks for its leader, ms. */
const PAUSE_MS = 100;
/** Nobody lives by last resort any more so soon after everybody votes again, ms. */
const MET_MS_MAX = 60_000;

/** What was promised did not come in time. */
export class Stuck extends Error {}

export interface SplitsOptions {
  readonly nodes: Nodes;
  readonly lanes: Lanes;
  readonly budget: Budget;
  readonly load: Load;
  readonly watch: LoopWatch;
  readonly note: (text: string) => void;
  readonly signal: AbortSignal;
}

/** The places on each side of a partition. */
type Sides = readonly [readonly Place[], readonly Place[]];

/** Partitions of one run, one at a time. */
export class Splits {
  readonly #options: SplitsOptions;
  readonly #clock = systemClock();
  /** From the parting until everybody was one cluster again. */
  readonly partings: Parting[] = [];
  /** From a stall of this process, in which a node may have gone on alone, until the same. */
  readonly stalls: Parting[] = [];
  /** What was sent to one side by name, both sides in one list. */
  readonly sent: SentMessage[] = [];

  constructor(options: SplitsOptions) {
    this.#options = options;
    options.watch.onParting = (stallMs) => this.#stoodStill(stallMs);
  }

  #stoodStill(stallMs: number): void {
    if (!this.#options.budget.livesByOne || this.stalls.at(-1)?.untilMs === Infinity) return;
    this.#options.note(`this process stood still for ${Math.round(stallMs)} ms`);
    this.stalls.push({ sinceMs: performance.now() - stallMs, untilMs: Infinity });
  }

  /**
   * Parts the places, by `dice`, and lets them meet once both sides have acknowledged messages.
   * Resolves then; false if the budget does not allow it. Throws {@linkcode Stuck} if a side does
   * not go on.
   */
  async split(dice: number): Promise<boolean> {
    const { budget, load, nodes, lanes, note } = this.#options;
    if (!await budget.takesSplit(GOES_ON_MS_MAX)) return false;
    await load.accounts.pause();
    const sides = sidesOf(nodes.running, dice);
    const names = sides.map((side) => side.map(({ name }) => name).join("+")).join(" from ");
    const condition = dice * 1_000 % 2 < 1 ? { held: true } : { lost: true };
    note(`split ${names}, what passes is ${condition.held ? "held" : "lost"}`);
    const parting: Parting = { sinceMs: performance.now(), untilMs: Infinity };
    this.partings.push(parting);
    const ends = waysBetween(sides).map(({ from, to }) =>
      lanes.lane(from.name, to.name).worsen(condition)
    );
    try {
      await Promise.all(sides.map((side) => this.#writeOn(side)));
    } finally {
      for (const end of ends) end();
      for (const place of nodes.running) budget.recovers(place);
    }
    note(`split ${names} is over: ${await this.#termsOf(sides)}`);
    return true;
  }

  /** To be called once everybody votes again: waits until the sides are one. */
  async met(): Promise<void> {
    const open = [...this.partings, ...this.stalls].filter(({ untilMs }) => untilMs === Infinity);
    if (open.length === 0) return;
    const { nodes, load, watch, signal, note } = this.#options;
    const areOne = async () => {
      const all = await Promise.all(nodes.running.map((place) => place.status()));
      return signal.aborted || all.every((status) => status?.livesByLastResort === false);
    };
    if (!await watch.within(MET_MS_MAX, areOne)) {
      throw new Stuck(`the sides of a partition were not one within ${MET_MS_MAX} ms of meeting`);
    }
    for (const parting of open) parting.untilMs = performance.now();
    load.accounts.resume();
    note("the sides are one again");
  }

  /** Sends to the leader of this side until enough is acknowledged. */
  async #writeOn(side: readonly Place[]): Promise<void> {
    const { watch, signal } = this.#options;
    let count = 0;
    let sending: Promise<void> | null = null;
    const isEnough = () => {
      sending ??= this.#sendOn(side).then((done) => {
        if (done) count += 1;
      }).finally(() => sending = null);
      return signal.aborted || count >= MESSAGES_PER_SIDE;
    };
    const wentOn = await watch.within(GOES_ON_MS_MAX, isEnough);
    await sending;
    if (wentOn) return;
    const names = side.map(({ id }) => id).join(", ");
    throw new Stuck(`the side of ${names} did not go on within ${GOES_ON_MS_MAX} ms of parting`);
  }

  /** One message to whoever leads this side; false if nobody does, or it was not acknowledged. */
  async #sendOn(side: readonly Place[]): Promise<boolean> {
    const { load, signal } = this.#options;
    await wait(PAUSE_MS, signal);
    const statuses = await Promise.all(side.map((place) => place.status()));
    const leader = side.find((_, at) => {
      const status = statuses[at];
      return status !== null && status !== undefined && status.leader === status.self;
    });
    const [writer] = load.writers.tokens;
    const [to] = load.receivers;
    if (leader === undefined || writer === undefined || to === undefined) return false;
    const message: SentMessage = {
      id: newRequestId(this.#clock),
      from: writer.user,
      to,
      body: `on the side of ${leader.id}, number ${this.sent.length}`,
      sentMs: performance.now(),
      outcome: "open",
      seq: 0,
      otherSeqs: [],
      answeredMs: 0,
    };
    this.sent.push(message);
    await sendAt(leader, { message, token: writer.token });
    return message.outcome === "acknowledged";
  }

  async #termsOf(sides: Sides): Promise<string> {
    const told = await Promise.all(
      sides.flat().map(async (place) => {
        const status = await place.status();
        return `${place.id} ${status?.leader || "nobody"} in ${status?.term}` +
          (status?.livesByLastResort ? " by last resort" : "");
      }),
    );
    return told.join(", ");
  }
}

/** One try at one node, with no way to another one; the record says what came of it. */
async function sendAt(
  place: Place,
  { message, token }: { readonly message: SentMessage; readonly token: string },
): Promise<void> {
  const connection = connect(place.listen);
  const { id: requestId, to, body } = message;
  try {
    const deadlineMs = Date.now() + SEND_MS_MAX;
    const context = { token, deadlineMs, signal: AbortSignal.timeout(SEND_MS_MAX) };
    const { seq } = await connection.sendMessage({ requestId, to, body }, context);
    message.seq = seq;
    message.answeredMs = performance.now();
    message.outcome = "acknowledged";
  } catch (thrown) {
    message.outcome = ChatError.from(thrown).definite ? "refused" : "indefinite";
  } finally {
    connection.close();
  }
}

/** Two sides, nobody left out and none of them empty. */
export function sidesOf<P>(places: readonly P[], dice: number): readonly [P[], P[]] {
  const choice = 1 + Math.floor(dice * (2 ** places.length - 2));
  const isThere = (at: number) => (choice >> at) % 2 === 1;
  return [
    places.filter((_, at) => isThere(at)),
    places.filter((_, at) => !isThere(at)),
  ];
}

function waysBetween(
  [here, there]: Sides,
): readonly { readonly from: Place; readonly to: Place }[] {
  return here.flatMap((one) =>
    there.flatMap((other) => [{ from: one, to: other }, { from: other, to: one }])
  );
}
