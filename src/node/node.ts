/**
 * One running node, from its options to its last breath: ports bound, founded, joined or come
 * back, ready, and stopped in an order in which nothing accepted is lost (cli.md, DESIGN §6).
 * Owns that order; the parts are `assembly.ts`'s.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { sameTerm, termText, ZERO_TERM } from "../raft/term.ts";
import type { Member, Policy, Role } from "../raft/types.ts";
import { serveHttp } from "../rpc/http_server.ts";
import type { EndedCall } from "../rpc/listener.ts";
import type { Listener } from "../rpc/port.ts";
import { servePeers } from "../rpc/peer_server.ts";
import { serveClients } from "../rpc/server.ts";
import { firstAdminToken, newAdminToken } from "./admin_access.ts";
import { assemble, type Assembly } from "./assembly.ts";
import { machineClock } from "./clock.ts";
import { areClosed, begun } from "./beginning_anew.ts";
import { checkPolicy, foundingPolicy, nodeConfig, type NodeOptions } from "./config.ts";
import { healthPages } from "./health.ts";
import { isFinal, join } from "./joining.ts";
import { removeLocalToken, writeLocalToken } from "./local_token.ts";
import { type OpenedNode, openNode } from "./opening.ts";
import { checkOwnAddresses } from "./own_addresses.ts";
import { pause } from "./pause.ts";
import { Security } from "./security.ts";
import { tokenHash } from "./sessions.ts";

/** What a node is in its cluster right now. */
export interface NodeRole {
  readonly role: Role;
  /** The term for people. */
  readonly term: string;
  /** Id of the leader; empty if none is known. */
  readonly leader: string;
}

/** A node that serves, or is about to. */
export interface RunningNode {
  readonly id: string;
  /** Where it listens, with the ports that were given where 0 was asked for. */
  readonly listen: string;
  readonly peerListen: string;
  /** The same of the HTTP port; `null` if there is none. */
  readonly http: string | null;
  /** Empty while a joiner was not taken in. */
  clusterId(): string;
  /** `null` while a joiner was not taken in. */
  policy(): Policy | null;
  role(): NodeRole;
  /** Called after each change of role, term or leader; the result stops it. */
  onRole(listener: (role: NodeRole) => void): () => void;
  /** Resolves once the node is a voter that serves (§1); rejects if it stops before. */
  readonly ready: Promise<void>;
  /**
   * The admin token of the cluster that this node has just founded, once it is ready; `null` for
   * any other node. It is known nowhere else: whoever started the node keeps it.
   */
  adminToken(): string | null;
  /** Reads the certificates again; what is broken is logged, and the old ones stay in use. */
  reloadCertificates(): Promise<void>;
  /**
   * Finishes what was accepted, hands over leadership, leaves, closes; at most
   * `limits.shutdownMsMax`. Calling again changes nothing.
   */
  stop(): Promise<void>;
  /** Resolves once it is stopped; rejects if it stopped because it could not go on. */
  readonly stopped: Promise<void>;
}

/** Resolves once the ports are bound and the node works on being ready. Throws `ChatError`. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const clock = machineClock();
  const given = nodeConfig(options);
  await checkOwnAddresses(given);
  const security = await Security.open(given, clock);
  try {
    const opened = await openNode(given, { clock, security });
    const node = new Node({ ...opened, clock, security });
    await node.start();
    return node;
  } catch (error) {
    security.close();
    throw error;
  }
}

interface NodeParts extends OpenedNode {
  readonly clock: ReturnType<typeof machineClock>;
  readonly security: Security;
}

class Node implements RunningNode {
  readonly id: string;
  readonly ready: Promise<void>;
  readonly stopped: Promise<void>;
  readonly #parts: NodeParts;
  readonly #assembly: Assembly;
  readonly #ready = Promise.withResolvers<void>();
  readonly #stopped = Promise.withResolvers<void>();
  readonly #joined = Promise.withResolvers<void>();
  readonly #giveUp = new AbortController();
  #self: Member;
  #clients: Listener | null = null;
  #peers: Listener | null = null;
  #pages: Listener | null = null;
  /** The driver has been started. */
  #started = false;
  #role: NodeRole = { role: "joiner", term: termText(ZERO_TERM), leader: "" };
  /** A member has refused to take it in, for good. */
  #refused = false;
  #stopping: Promise<void> | null = null;
  readonly #localToken = newAdminToken();
  #founds = false;
  #firstToken: Promise<void> | null = null;
  #adminToken: string | null = null;

  constructor(parts: NodeParts) {
    this.#parts = parts;
    const { config, directory, state, clock, security } = parts;
    this.id = directory.identity.nodeId;
    this.ready = this.#ready.promise;
    this.stopped = this.#stopped.promise;
    // Whoever does not ask is told by the log.
    this.ready.catch(() => undefined);
    this.stopped.catch(() => undefined);
    this.#self = { id: this.id, peerAddress: "", clientAddress: "" };
    this.#assembly = assemble({
      config,
      directory,
      state,
      clock,
      self: () => this.#self,
      security,
      ports: () => ({ client: this.#clients, peer: this.#peers, http: this.#pages }),
      localTokenHash: tokenHash(this.#localToken),
      joined: () => this.#joined.promise,
      onFatal: (error) => this.#fail(error),
    });
    if (this.clusterId() !== "") this.#joined.resolve();
    // Found while it serves: it ends at once, before what is damaged is told to anybody.
    for (const store of [directory.log, state]) store.onDamage((error) => this.#fail(error));
    this.ready.then(() => begun(config)).catch(() => undefined);
  }

  get listen(): string {
    return this.#clients?.address ?? this.#parts.config.listen;
  }

  get peerListen(): string {
    return this.#peers?.address ?? this.#parts.config.peerListen;
  }

  get http(): string | null {
    return this.#pages?.address ?? this.#parts.config.http;
  }

  clusterId(): string {
    return this.#parts.directory.identity.clusterId;
  }

  policy(): Policy | null {
    return this.#assembly.driver.status().policy;
  }

  role(): NodeRole {
    return this.#role;
  }

  onRole(listener: (role: NodeRole) => void): () => void {
    return this.#assembly.driver.onRole(() => listener(this.#role));
  }

  adminToken(): string | null {
    return this.#adminToken;
  }

  /** Binds, founds or comes back, and begins to serve. What fails leaves nothing behind. */
  async start(): Promise<void> {
    try {
      await this.#bind();
      const { config, directory } = this.#parts;
      await writeLocalToken(config.data, this.#localToken);
      const isNew = directory.log.lastIndex === 0;
      if (isNew) await this.#foundOrJoin();
      this.#listenToRoles();
      await this.#assembly.driver.start();
      this.#started = true;
      await this.#assembly.reserve.start();
      if (!isNew) checkPolicy(config.policy, this.policy() ?? foundingPolicy({}));
      this.#assembly.peerGate.open();
      this.#assembly.clientGate.open();
      const stays = this.#stayIn(isNew && directory.log.lastIndex === 0);
      stays.catch((thrown) => {
        const error = ChatError.from(thrown);
        this.#refused = isFinal(error);
        this.#fail(error);
      });
    } catch (error) {
      this.#stopping = this.#close();
      await this.#stopping;
      throw ChatError.from(error);
    }
  }

  reloadCertificates(): Promise<void> {
    return this.#parts.security.reload();
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#leave().finally(() => this.#stopped.resolve());
    return this.#stopping;
  }

  async #bind(): Promise<void> {
    const { config, security } = this.#parts;
    const { listen, peerListen, advertise, peerAdvertise, http, reflection } = config;
    const { chat, admin, health, original, peers, metrics } = this.#assembly;
    if (http !== null) {
      const pages = { ...healthPages(health), ...metrics?.pages(() => this.#started) };
      this.#pages = await serveHttp(http, pages, security.http);
    }
    this.#peers = await servePeers(peerListen, peers, security.trust);
    const onCall = metrics === null ? undefined : (call: EndedCall) => metrics.called(call);
    const services = { chat, admin, health, original, reflection, onCall };
    this.#clients = await serveClients(listen, services, security.clients);
    this.#self = {
      id: this.id,
      peerAddress: peerAdvertise ?? this.#peers.address,
      clientAddress: advertise ?? this.#clients.address,
    };
  }

  async #foundOrJoin(): Promise<void> {
    const { config, directory } = this.#parts;
    if (config.join.length > 0) return;
    if (this.clusterId() !== "") {
      throw new ChatError(
        "INVALID_ARGUMENT",
        `Cannot start the node: it was joining cluster ${this.clusterId()}; give --join again`,
        { field: "join" },
      );
    }
    const policy = foundingPolicy(config.policy);
    await directory.bootstrap({ clusterId: randomUUID(), founder: this.#self, policy });
    this.#founds = true;
    this.#joined.resolve();
    config.logger.log("info", "Founded a cluster", { clusterId: this.clusterId() });
  }

  #listenToRoles(): void {
    const { driver } = this.#assembly;
    let term = ZERO_TERM;
    driver.onRole((change) => {
      const leader = change.leader ?? "";
      const same = this.#role.role === change.role && this.#role.leader === leader &&
        sameTerm(term, change.term);
      term = change.term;
      this.#role = { role: change.role, term: termText(term), leader };
      if (!same) this.#parts.config.logger.log("info", "Role", { ...this.#role });
      if (!change.ready || change.leader === null) return;
      if (this.#founds) this.#firstToken ??= this.#giveAdminToken();
      else this.#ready.resolve();
    });
  }

  /** A new cluster gets its admin token before anybody is told that it is there. */
  async #giveAdminToken(): Promise<void> {
    const { clock, config: { logger } } = this.#parts;
    const { driver } = this.#assembly;
    const { signal } = this.#giveUp;
    this.#adminToken = await firstAdminToken({ driver, clock, logger, signal });
    this.#ready.resolve();
  }

  /**
   * Asks to be taken in whenever nobody takes notice of this node: a new one at once, another
   * when for a while it was not ready, or knew no leader. One that was removed learns it here.
   */
  async #stayIn(isNew: boolean): Promise<void> {
    const { config, directory, clock, security } = this.#parts;
    const { driver } = this.#assembly;
    let readyAt = isNew ? -Infinity : clock.mono();
    let isReady = false;
    driver.onRole(({ ready, leader }) => {
      // Under `majority` a node is ready without a leader too, and one that was removed is for ever.
      const now = ready && leader !== null;
      if (isReady && !now) readyAt = clock.mono();
      isReady = now;
    });
    const options = {
      self: () => this.#self,
      clusterId: () => this.clusterId(),
      addresses: () => [
        ...config.join,
        ...driver.status().members.map(({ member }) => member.peerAddress),
      ],
      policy: config.policy,
      connect: security.connect,
      accepted: async (clusterId: string) => {
        await directory.join(clusterId);
        this.#joined.resolve();
      },
      done: () => isReady || clock.mono() - readyAt < limits.rejoinAfterMs,
      clock,
      logger: config.logger,
    };
    const { signal } = this.#giveUp;
    while (!signal.aborted) {
      await join(options, signal);
      await pause(clock, limits.joinWatchMs, signal);
    }
  }

  /** The node cannot go on: it closes without leaving, which to the others is a crash. */
  #fail(error: Error): void {
    if (this.#stopping !== null) return;
    this.#parts.config.logger.log("error", `The node stops: ${error.message}`);
    const cause = ChatError.from(error);
    this.#ready.reject(cause);
    this.#stopping = this.#close().finally(() => this.#stopped.reject(cause));
    this.#stopping.catch(() => undefined);
  }

  async #leave(): Promise<void> {
    const { config: { logger }, clock } = this.#parts;
    const { driver, clientGate, subscriptions, backups, health } = this.#assembly;
    const until = clock.mono() + limits.shutdownMsMax - limits.closeMsMax;
    const left = () => Math.max(0, until - clock.mono());
    logger.log("info", "Stopping");
    this.#ready.reject(new ChatError("SHUTTING_DOWN", "The node was stopped before it was ready"));
    this.#giveUp.abort();
    health.stop();
    const finished = clientGate.shut();
    subscriptions.close();
    await backups.close();
    const inTime = await within(finished, left());
    const closing = this.#clients?.close(limits.closeMsMax);
    if (!inTime) logger.log("warn", "Some calls were not finished in time");
    if (!await within(driver.leave(), left())) {
      logger.log("warn", "Leaving took too long: to the other members this is a crash");
    }
    await closing;
    await this.#close();
    logger.log("info", "Stopped");
  }

  /** Closes everything, the peer port last: whoever is refused there knows that it is over. */
  async #close(): Promise<void> {
    this.#giveUp.abort();
    const { config, directory, state, clock } = this.#parts;
    const { driver, transport, snapshots, backups } = this.#assembly;
    const { subscriptions, reserve, rest, clientGate, peerGate, health } = this.#assembly;
    health.stop();
    await removeLocalToken(config.data);
    rest.close();
    reserve.close();
    void clientGate.shut();
    void peerGate.shut();
    subscriptions.close();
    await this.#clients?.close(0);
    await driver.close();
    transport.close();
    await backups.close();
    await snapshots.close();
    await state.close();
    // Else the id that was refused would be the directory's, whatever id is given next.
    if (this.#refused) await directory.discard(() => areClosed(config.data, clock));
    else await directory.close();
    await this.#peers?.close(0);
    await this.#pages?.close(0);
    this.#parts.security.close();
  }
}

/** Whether the promise is fulfilled within so many ms; what it throws is thrown. */
async function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let cancel = () => {};
  const late = new Promise<false>((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    cancel = () => clearTimeout(timer);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    cancel();
  }
}
