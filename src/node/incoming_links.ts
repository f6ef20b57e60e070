/**
 * The links that peers opened to this node: who may have one, one for each peer, and what comes
 * over it. Owns the checks of DESIGN §3: the cluster, older starts, copied data directories. It
 * never sends and never dials.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { NodeId } from "../raft/types.ts";
import type { Frame, Hello, IncomingLink, LinkReceiver, OwnHello } from "../rpc/peer_api.ts";
import type { Clock } from "./ports.ts";

/** What {@linkcode IncomingLinks} need and whom they tell. */
export interface IncomingLinksOptions {
  /** This node's own hello, as of now. */
  readonly hello: () => OwnHello;
  /** Resolves once this node knows its cluster, or need not be waited for any longer. */
  readonly joined: () => Promise<void>;
  readonly clock: Clock;
  /** T of the cluster: what takes longer on its way counts as lost. */
  readonly failureTimeoutMs: () => number;
  /** Address at which another start of this node answers, if that is known to be one. */
  readonly answersElsewhere: (hello: Hello) => Promise<string | null>;
  /** A link is open; it may take the place of an older one. */
  readonly opened: (hello: Hello) => void;
  readonly frames: (hello: Hello, frames: readonly Frame[]) => void;
  /** There is no link from the peer any more. */
  readonly closed: (id: NodeId) => void;
}

/** An open link. */
interface Incoming {
  readonly hello: Hello;
  readonly link: IncomingLink;
  /** Monotonic ms. */
  heardAt: number;
}

/** Whoever wants to know whether a start of a node lives, over whichever link. */
interface Watcher {
  readonly hello: Hello;
  readonly event: (event: "heard" | "closed") => void;
}

/** A link that waits to be taken, or found to be a copy's. */
interface Turn {
  readonly incarnation: number;
  /** Resolves once that is decided, either way. */
  readonly over: Promise<unknown>;
}

export class IncomingLinks {
  readonly #options: IncomingLinksOptions;
  readonly #current = new Map<NodeId, Incoming>();
  /** Newest start of each node that this node has seen. */
  readonly #newest = new Map<NodeId, number>();
  readonly #watchers = new Set<Watcher>();
  /** Links that wait to be taken, by node, as they came. */
  readonly #opening = new Map<NodeId, Turn[]>();

  constructor(options: IncomingLinksOptions) {
    this.#options = options;
  }

  /** Takes a link, or throws `WRONG_CLUSTER`, `WRONG_NODE` or `COPIED_DATA_DIRECTORY`. */
  async open(hello: Hello, link: IncomingLink): Promise<LinkReceiver> {
    const own = this.#options.hello();
    if (own.clusterId === "") {
      // Whoever is meant, it will not be this node.
      if (!isMeant(hello, own)) throw wrongNode(own, hello.toNodeId);
      await this.#options.joined();
    }
    this.#admit(hello);
    return await this.#inTurn(hello, async () => {
      this.#admit(hello);
      await this.#outliveOlder(hello);
      // While it waited, it may have become another cluster's.
      this.#admit(hello);
      return this.#accept(hello, link);
    });
  }

  /**
   * One start of a node after another, as they come: one that came while an earlier one waited must
   * find that one's link, or it would be taken first, and the earlier one for its copy. A start
   * that was taken already waits for nobody: it dials anew, and whoever waits for its silence must
   * hear it.
   */
  async #inTurn<T>({ nodeId, incarnation }: Hello, task: () => Promise<T>): Promise<T> {
    const queue = () => this.#opening.get(nodeId) ?? [];
    await queue().find((turn) => turn.incarnation === incarnation)?.over;
    if (this.#newest.get(nodeId) === incarnation) return await task();
    const before = queue().at(-1)?.over ?? Promise.resolve();
    const taken = before.then(task);
    const turn: Turn = { incarnation, over: taken.catch(() => {}) };
    this.#opening.set(nodeId, [...queue(), turn]);
    try {
      return await taken;
    } finally {
      const left = queue().filter((other) => other !== turn);
      if (left.length > 0) this.#opening.set(nodeId, left);
      else this.#opening.delete(nodeId);
    }
  }

  /** Checks the hello of a peer's side, whoever dialled; an error if it must be refused. */
  check(hello: Hello): ChatError | null {
    const own = this.#options.hello();
    if (own.clusterId === "" || hello.clusterId !== own.clusterId) {
      return wrongCluster(hello, own.clusterId);
    }
    if (!isMeant(hello, own)) return wrongNode(own, hello.toNodeId);
    if (hello.nodeId === own.nodeId && hello.incarnation === own.incarnation) {
      // Its own address, written in another way.
      return new ChatError("INTERNAL", `${hello.peerAddress} is this node itself`);
    }
    if (hello.nodeId === own.nodeId) {
      return copied(hello, "another node with this node's id runs already");
    }
    const newest = this.#newest.get(hello.nodeId) ?? 0;
    if (hello.incarnation < newest) return copied(hello, "a newer start of this node was seen");
    if (hello.incarnation > newest && hello.previousIncarnation < newest) {
      return copied(hello, "it does not know of a start of this node that was seen");
    }
    return null;
  }

  /** Whether a node of that id, of this cluster, ever had a link to this start of the node. */
  hasSeen(id: NodeId): boolean {
    return this.#newest.has(id);
  }

  /** Monotonic ms at which something last came from the peer; `null` without a link from it. */
  heardAt(id: NodeId): number | null {
    return this.#current.get(id)?.heardAt ?? null;
  }

  /** Gives up links over which nothing has come for long: what their peers told holds no more. */
  closeSilent(): void {
    const oldest = this.#options.clock.mono() - limits.linkSilenceMsMax;
    for (const [id, incoming] of [...this.#current]) {
      if (incoming.heardAt < oldest) this.#end(id, incoming);
    }
  }

  close(): void {
    for (const [id, incoming] of [...this.#current]) this.#end(id, incoming);
  }

  #admit(hello: Hello): void {
    const error = this.check(hello);
    if (error !== null) throw error;
  }

  /**
   * Waits until the link of an older start has ended or fallen silent; throws if it lives, or if
   * another start answers where this node has its address.
   */
  async #outliveOlder(hello: Hello): Promise<void> {
    const older = this.#current.get(hello.nodeId);
    const isOlder = older !== undefined && older.hello.incarnation < hello.incarnation;
    const [answers, elsewhere] = await Promise.all([
      isOlder && this.#answers(older),
      this.#options.answersElsewhere(hello),
    ]);
    if (elsewhere !== null) throw copied(hello, `another start of it answers at ${elsewhere}`);
    if (answers) throw copied(hello, `an older start of this node is still running`);
  }

  #answers(older: Incoming): Promise<boolean> {
    const { clock } = this.#options;
    const since = clock.mono();
    // What arrives within T may have been on its way when the older start died: a slower network
    // counts as a partition (DESIGN §1). A start that lives says something in the time after.
    const onTheWayMs = this.#options.failureTimeoutMs();
    const waitMs = onTheWayMs + limits.olderStartAnswersMs;
    return new Promise((resolve) => {
      let cancel = () => {};
      const decide = (answers: boolean) => {
        cancel();
        this.#watchers.delete(watcher);
        resolve(answers);
      };
      const waitFor = (ms: number) => {
        cancel();
        cancel = clock.after(ms, () => decide(false));
      };
      const event = (event: "heard" | "closed") => {
        const waitedMs = clock.mono() - since;
        // One that lives opens another link at once: it may have met somebody else at an address.
        if (event === "closed") waitFor(limits.olderStartAnswersMs);
        else if (waitedMs > onTheWayMs) decide(true);
        else waitFor(waitMs - waitedMs);
      };
      const watcher = { hello: older.hello, event };
      waitFor(waitMs);
      this.#watchers.add(watcher);
    });
  }

  #accept(hello: Hello, link: IncomingLink): LinkReceiver {
    const id = hello.nodeId;
    const previous = this.#current.get(id);
    const { clock } = this.#options;
    const incoming: Incoming = { hello, link, heardAt: clock.mono() };
    this.#current.set(id, incoming);
    previous?.link.close();
    this.#tell(hello, "heard");
    this.#newest.set(id, hello.incarnation);
    this.#options.opened(hello);
    return {
      hello: { ...this.#options.hello(), toNodeId: "" },
      frames: (frames) => {
        // A link that was replaced says nothing any more.
        if (this.#current.get(id) !== incoming) return;
        incoming.heardAt = clock.mono();
        this.#tell(hello, "heard");
        this.#options.frames(hello, frames);
      },
      closed: () => this.#end(id, incoming),
    };
  }

  #end(id: NodeId, incoming: Incoming): void {
    if (this.#current.get(id) !== incoming) return;
    this.#current.delete(id);
    this.#tell(incoming.hello, "closed");
    incoming.link.close();
    this.#options.closed(id);
  }

  #tell({ nodeId, incarnation }: Hello, event: "heard" | "closed"): void {
    for (const watcher of [...this.#watchers]) {
      const { hello } = watcher;
      if (hello.nodeId === nodeId && hello.incarnation === incarnation) watcher.event(event);
    }
  }
}

function isMeant({ toNodeId }: Hello, own: OwnHello): boolean {
  return toNodeId === "" || toNodeId === own.nodeId;
}

/** What is said where another node than the one that is meant answers. */
export function wrongNode(answerer: OwnHello, meant: NodeId): ChatError {
  return new ChatError(
    "WRONG_NODE",
    `${answerer.peerAddress} is node ${answerer.nodeId} now, not ${meant}`,
  );
}

function wrongCluster(hello: Hello, own: string): ChatError {
  return new ChatError(
    "WRONG_CLUSTER",
    `Node ${hello.nodeId} at ${hello.peerAddress} belongs to cluster ` +
      `${hello.clusterId || "(none)"}, not to ${own || "(none)"}: check the addresses of both`,
  );
}

function copied(hello: Hello, why: string): ChatError {
  return new ChatError(
    "COPIED_DATA_DIRECTORY",
    `Node ${hello.nodeId} at ${hello.peerAddress} has a copied or restored data directory: ` +
      `${why}; start it with an empty data directory, to join as a new node`,
  );
}
