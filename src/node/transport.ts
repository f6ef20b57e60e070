/**
 * A node's links to its peers: one out, one in, for each. Owns whom to dial, what is sent where
 * and what is told of presence; when to dial is {@linkcode PeerLink}'s, who may come in
 * {@linkcode IncomingLinks}'. Nothing here blocks or throws: what cannot be sent is dropped.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Message } from "../raft/message.ts";
import type { Member, NodeId } from "../raft/types.ts";
import type {
  Frame,
  HandOverAnswer,
  HandOverAsk,
  Hello,
  IncomingLink,
  LinkReceiver,
  OwnHello,
  PeerClient,
} from "../rpc/peer_api.ts";
import { IncomingLinks, wrongNode } from "./incoming_links.ts";
import type { Logger } from "./logger.ts";
import { PeerLink } from "./peer_link.ts";
import type { Clock, SnapshotFetch, Transport } from "./ports.ts";
import type { Presence } from "./presence.ts";
import { fetchResuming } from "./snapshot_fetch.ts";

/** What a {@linkcode PeerTransport} needs and whom it tells. */
export interface PeerTransportOptions {
  readonly hello: () => OwnHello;
  readonly joined: () => Promise<void>;
  readonly failureTimeoutMs: () => number;
  /** A client for a node's peer address; it dials nothing before it is used. */
  readonly connect: (peerAddress: string, nodeId: NodeId) => PeerClient;
  /** Rows in a chunk of a snapshot, for progress. */
  readonly rowsIn: (chunk: Uint8Array) => number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly presence: Presence;
  readonly receive: (from: NodeId, incarnation: number, message: Message) => void;
  readonly refused: (id: NodeId) => void;
  /** A peer says that this node's data directory is a copy: the node must not go on. */
  readonly copied: (error: ChatError) => void;
}

/** Production's {@linkcode Transport}, over links of `src/rpc`. */
export class PeerTransport implements Transport {
  readonly #options: PeerTransportOptions;
  readonly #links = new Map<NodeId, PeerLink>();
  /** Whom the core wants links to. */
  #members: readonly Member[] = [];
  /** Where peers are that had a link to this node, as they say: may be newer than the config. */
  readonly #callers = new Map<NodeId, Member>();
  /** Callers that are no members and are answered all the same, while their link lasts. */
  readonly #guests = new Set<NodeId>();
  readonly #incoming: IncomingLinks;
  /** What was last logged of a link: it ends in the same way every time it is dialled. */
  readonly #logged = new Map<string, string>();
  readonly #stop = new AbortController();
  #cancelWatch: () => void = () => {};

  constructor(options: PeerTransportOptions) {
    this.#options = options;
    this.#incoming = new IncomingLinks({
      hello: options.hello,
      joined: options.joined,
      clock: options.clock,
      failureTimeoutMs: options.failureTimeoutMs,
      answersElsewhere: (hello) => this.#answersElsewhere(hello),
      opened: (hello) => this.#called(hello),
      frames: (hello, frames) => this.#take(hello, frames),
      closed: (id) => this.#hungUp(id),
    });
    this.#watch();
  }

  send(to: NodeId, message: Message): void {
    if (!this.#links.has(to) && this.#callers.has(to)) {
      this.#guests.add(to);
      this.#keepLinks();
    }
    this.#links.get(to)?.send({ kind: "raft", message });
  }

  setPeers(members: readonly Member[]): void {
    for (const { id, peerAddress } of members) {
      const before = this.#members.find((member) => member.id === id);
      // The config has an address newer than what the peer last said itself.
      if (before !== undefined && before.peerAddress !== peerAddress) this.#callers.delete(id);
    }
    this.#members = members;
    this.#keepLinks();
  }

  fetchSnapshot(from: NodeId, givenUp: AbortSignal): Promise<SnapshotFetch> {
    const { nodeId, clusterId } = this.#options.hello();
    const { clock, logger, rowsIn } = this.#options;
    const signal = AbortSignal.any([this.#stop.signal, givenUp]);
    // What breaks off with a link goes on over the one that takes its place.
    const client: Pick<PeerClient, "fetchSnapshot"> = {
      fetchSnapshot: (ask, during) =>
        this.#links.get(from)?.client.fetchSnapshot(ask, during) ??
          Promise.reject(unknownAddress(from)),
    };
    return fetchResuming({ client, from, nodeId, clusterId, rowsIn, clock, logger, signal });
  }

  handOver(
    to: NodeId,
    ask: Omit<HandOverAsk, "clusterId" | "nodeId">,
  ): Promise<HandOverAnswer> {
    const link = this.#links.get(to);
    if (link === undefined) return Promise.reject(unknownAddress(to));
    const { nodeId, clusterId } = this.#options.hello();
    const deadlineMs = this.#options.clock.wall() + limits.handOverWaitMsMax;
    const context = { deadlineMs, signal: this.#stop.signal };
    return link.client.handOver({ clusterId, nodeId, ...ask }, context);
  }

  /** The links that there should be: whether each is open, and the bytes that wait to go out. */
  links(): readonly { readonly id: NodeId; readonly open: boolean; readonly bytes: number }[] {
    return [...this.#links].map(([id, link]) => ({
      id,
      open: link.openSince !== null,
      bytes: link.queuedBytes,
    }));
  }

  /** Whether a node of that id, of this cluster, ever had a link to this start of the node. */
  hasSeen(id: NodeId): boolean {
    return this.#incoming.hasSeen(id);
  }

  /** {@linkcode PeerApi.openLink} */
  async openLink(hello: Hello, link: IncomingLink): Promise<LinkReceiver> {
    if (this.#stop.signal.aborted) {
      throw new ChatError("SHUTTING_DOWN", "The node is stopping");
    }
    try {
      return await this.#incoming.open(hello, link);
    } catch (thrown) {
      const error = ChatError.from(thrown);
      // Who is mistaken about an address says so itself; here nothing is wrong.
      if (error.reason !== "WRONG_NODE") {
        this.#log(`from ${hello.nodeId}`, `Refused a link: ${error.message}`);
      }
      throw error;
    }
  }

  close(): void {
    this.#stop.abort();
    this.#cancelWatch();
    this.#incoming.close();
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  /**
   * Links to all members and to guests: one that is no member any more must be told so, and one
   * that moved must be answered where it is now.
   */
  #keepLinks(): void {
    if (this.#stop.signal.aborted) return;
    const wanted = new Map(this.#members.map((member) => [member.id, member]));
    for (const [id, caller] of this.#callers) {
      if (wanted.has(id) || this.#guests.has(id)) wanted.set(id, caller);
    }
    const own = this.#options.hello();
    for (const { id, peerAddress } of [...wanted.values()]) {
      // Of a member that this node replaced an older config says the same address. Nobody else
      // answers there, and it is silent like one that is dead.
      if (id === own.nodeId || peerAddress === own.peerAddress) wanted.delete(id);
    }
    for (const [id, link] of [...this.#links]) {
      if (wanted.get(id)?.peerAddress === link.member.peerAddress) continue;
      this.#links.delete(id);
      this.#logged.delete(`to ${id}`);
      link.close();
    }
    for (const [id, member] of wanted) {
      if (!this.#links.has(id)) this.#links.set(id, this.#link(member));
    }
  }

  /**
   * Who starts from a copy of a data directory is elsewhere than the original, which may have no
   * link to this node just now: after a power cut, or as this node has just started.
   */
  async #answersElsewhere({ nodeId, incarnation, peerAddress }: Hello): Promise<string | null> {
    const link = this.#links.get(nodeId);
    if (link === undefined || link.member.peerAddress === peerAddress) return null;
    const ms = this.#options.failureTimeoutMs() + limits.olderStartAnswersMs;
    const answer = await link.whoAnswers(ms);
    // One that moved may answer at both addresses; at its old one may be somebody else by now.
    const isOther = answer?.nodeId === nodeId && answer.incarnation !== incarnation;
    return isOther ? link.member.peerAddress : null;
  }

  #called(hello: Hello): void {
    const { nodeId: id, peerAddress, clientAddress } = hello;
    // What an older start told is void; this one tells everything again.
    this.#options.presence.peerGone(id);
    if (!this.#isMember(id) && this.#callers.size >= limits.peersMax) return;
    this.#callers.set(id, { id, peerAddress, clientAddress });
    this.#keepLinks();
    this.#links.get(id)?.hurry();
  }

  #hungUp(id: NodeId): void {
    this.#options.presence.peerGone(id);
    this.#guests.delete(id);
    if (!this.#isMember(id)) this.#callers.delete(id);
    this.#keepLinks();
  }

  #isMember(id: NodeId): boolean {
    return this.#members.some((member) => member.id === id);
  }

  #link(member: Member): PeerLink {
    const { presence, connect, clock, hello, refused } = this.#options;
    return new PeerLink({
      member,
      hello: () => ({ ...hello(), toNodeId: member.id }),
      clock,
      client: connect(member.peerAddress, member.id),
      check: (answer) => this.#check(member, answer),
      opened: () => {
        this.#logged.delete(`to ${member.id}`);
        return presence.complete().map((told) => ({ kind: "presence", presence: told }));
      },
      refused: () => refused(member.id),
      mistaken: (error) =>
        this.#log(`to ${member.id}`, `No link to node ${member.id}: ${error.message}`),
      rejected: (error) => this.#rejected(member.id, error),
    });
  }

  #check(member: Member, answer: Hello): ChatError | null {
    if (answer.nodeId !== member.id) {
      // Somebody else answers there, a replacement say: what was for the old one is not for it.
      return wrongNode({ ...answer, peerAddress: member.peerAddress }, member.id);
    }
    return this.#incoming.check(answer);
  }

  #rejected(id: NodeId, error: ChatError): void {
    this.#log(`to ${id}`, `Node ${id} refuses a link: ${error.message}`);
    if (error.reason === "COPIED_DATA_DIRECTORY") this.#options.copied(error);
  }

  #log(about: string, text: string): void {
    if (this.#logged.get(about) === text) return;
    if (this.#logged.size >= limits.peersMax) this.#logged.clear();
    this.#logged.set(about, text);
    this.#options.logger.log("warn", text);
  }

  #take(hello: Hello, frames: readonly Frame[]): void {
    for (const frame of frames) {
      if (frame.kind === "presence") this.#options.presence.told(hello.nodeId, frame.presence);
      else this.#options.receive(hello.nodeId, hello.incarnation, frame.message);
    }
  }

  /** Tells presence, and gives up links to and from peers of which nothing is heard. */
  #watch(): void {
    const { clock, presence } = this.#options;
    this.#incoming.closeSilent();
    this.#renewSilent();
    for (const told of presence.changes()) {
      for (const link of this.#links.values()) {
        if (link.openSince !== null) link.send({ kind: "presence", presence: told });
      }
    }
    this.#cancelWatch = clock.after(limits.presenceGatherMs, () => this.#watch());
  }

  /** A connection may hang for minutes after a partition, though the network is back. */
  #renewSilent(): void {
    const oldest = this.#options.clock.mono() - limits.linkSilenceMsMax;
    for (const [id, link] of this.#links) {
      const since = Math.max(link.openSince ?? Infinity, this.#incoming.heardAt(id) ?? 0);
      if (since < oldest) link.renew();
    }
  }
}

function unknownAddress(id: NodeId): ChatError {
  return new ChatError("NO_LEADER", `No address is known of node ${id}`);
}
