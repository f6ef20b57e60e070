/**
 * A TCP proxy in front of the peer port of one node: what the other nodes send it goes through
 * here, and here it is held, lost, late, slow or broken. It listens only while the node does, so
 * a dead node refuses connections as it would without it. Owns sockets and bytes; when something
 * is to go wrong is decided elsewhere.
 *
 * @module
 */

import { connect, createServer, type Server, type Socket } from "node:net";
import { steadyPort } from "../../src/cli/steady_port.ts";
import { Flow } from "./flow.ts";
import type { Lanes } from "./lanes.ts";
import { wait } from "./pause.ts";

/** How often a node that starts is asked whether it listens, ms. */
const POLL_MS = 20;
/** Bytes of a connection that are looked at for the name of who dialled it. */
const NAME_BYTES_MAX = 16 * 1024;
/** Time for the name if not told, ms: questions without one must not be late for long. */
const NAME_MS_MAX = 100;

export interface PeerProxyOptions {
  /** Whom it stands for. */
  readonly name: string;
  readonly lanes: Lanes;
  /** Finds the name of a node in the first bytes that it sends; `null` if it is not there yet. */
  readonly callerIn: (bytes: string) => string | null;
  /** Somebody else has its port: the run cannot go on. */
  readonly onPortLost: (error: unknown) => void;
  /** Time in which a caller says who it is, ms; after that it passes as nobody in particular. */
  readonly nameMsMax?: number;
}

/** One connection through the proxy. */
interface Pair {
  caller: string | null;
  readonly inbound: Socket;
  readonly outbound: Socket;
}

/** The proxy of one node. */
export class PeerProxy {
  readonly #options: PeerProxyOptions;
  readonly #pairs = new Set<Pair>();
  #server: Server | null = null;
  /** Its own port, for ever. */
  #port = 0;
  #targetPort = 0;
  /** Raised whenever it is told to follow another start of its node, or none. */
  #turn = 0;
  #steps: Promise<void> = Promise.resolve();

  constructor(options: PeerProxyOptions) {
    this.#options = options;
  }

  /** Takes a port for good; nothing is forwarded yet. */
  async open(): Promise<void> {
    this.#port = await steadyPort();
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Connections that pass through it now. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Forwards to this port as soon as somebody listens there. */
  follow(port: number): void {
    this.#targetPort = port;
    const turn = ++this.#turn;
    this.#listenOnceThere(turn).catch((error) => this.#options.onPortLost(error));
  }

  /** The node is gone: refuses, like its port. What is on its way still arrives. */
  async unfollow(): Promise<void> {
    this.#turn += 1;
    await this.#inTurn(() => this.#stopListening());
  }

  /** Ends the connections that this node dialled. */
  break(caller: string, how: "reset" | "close"): number {
    const found = [...this.#pairs].filter((pair) => pair.caller === caller);
    for (const pair of found) how === "reset" ? this.#reset(pair) : close(pair);
    return found.length;
  }

  async close(): Promise<void> {
    await this.unfollow();
    for (const pair of this.#pairs) this.#reset(pair);
  }

  async #listenOnceThere(turn: number): Promise<void> {
    while (turn === this.#turn && !await accepts(this.#targetPort)) await wait(POLL_MS);
    await this.#inTurn(async () => {
      if (turn === this.#turn && this.#server === null) await this.#listen();
    });
  }

  /** Binding and unbinding never overlap. */
  #inTurn(step: () => Promise<void>): Promise<void> {
    const done = this.#steps.then(step);
    this.#steps = done.catch(() => {});
    return done;
  }

  async #listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    await bound(server, this.#port);
    this.#server = server;
  }

  async #stopListening(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    // Its connections go on: whoever waits for their end would wait for ever.
    server?.close();
    await wait(0);
  }

  #accept(inbound: Socket): void {
    const outbound = connect({ host: "127.0.0.1", port: this.#targetPort, allowHalfOpen: true });
    const pair: Pair = { caller: null, inbound, outbound };
    this.#pairs.add(pair);
    const { name, lanes } = this.#options;
    const there = new Flow(inbound, outbound);
    const back = new Flow(outbound, inbound);
    const known = (caller: string | null) => {
      pair.caller = caller;
      there.through(caller === null ? null : lanes.lane(caller, name));
      back.through(caller === null ? null : lanes.lane(name, caller));
    };
    this.#listenForName(there, known);
    const over = () => {
      if (!inbound.destroyed || !outbound.destroyed) return;
      this.#pairs.delete(pair);
      there.stop();
      back.stop();
    };
    inbound.once("close", over);
    outbound.once("close", over);
    for (const flow of [there, back]) flow.onBroken = () => this.#reset(pair);
    let connected = false;
    outbound.once("connect", () => connected = true);
    outbound.on("error", () => {
      // Nobody listens there: whoever dialled must not believe that somebody does.
      if (!connected) this.#reset(pair);
    });
  }

  /** Nothing passes before the caller is known, so that a cut pair is cut from the first byte. */
  #listenForName(flow: Flow, known: (caller: string | null) => void): void {
    let seen = "";
    const { nameMsMax = NAME_MS_MAX } = this.#options;
    const nobody = setTimeout(() => known(null), nameMsMax);
    flow.onBytes = (bytes) => {
      seen += bytes.toString("latin1");
      const caller = this.#options.callerIn(seen);
      if (caller === null && seen.length < NAME_BYTES_MAX) return;
      flow.onBytes = flow.onEnd = null;
      clearTimeout(nobody);
      known(caller);
    };
    flow.onEnd = () => {
      clearTimeout(nobody);
      known(null);
    };
  }

  #reset(pair: Pair): void {
    for (const socket of [pair.inbound, pair.outbound]) {
      if (!socket.destroyed) socket.resetAndDestroy();
    }
    this.#pairs.delete(pair);
  }
}

function close({ inbound, outbound }: Pair): void {
  for (const socket of [inbound, outbound]) {
    socket.end();
    socket.destroySoon();
  }
}

function bound(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port }, () => resolve());
  });
}

/** Whether somebody listens at a port of this machine. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const end = (accepted: boolean) => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once("connect", () => end(true));
    socket.on("error", () => end(false));
  });
}
