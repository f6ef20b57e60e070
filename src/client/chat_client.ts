/**
 * The client of a cluster: what a program calls to register, log in, send and read, on top of
 * the parts that find the leader, repeat and resume. Owns the translation of each call into a
 * request; it keeps nothing on disk (see `sessionState` and `addresses` for what to keep).
 *
 * @module
 */

import type {
  AcknowledgeResponse,
  Answered,
  GetChatRequest,
  GetChatResponse,
  GetClusterResponse,
  Message,
  SendMessageResponse,
  SessionInfo,
  User,
} from "../rpc/api.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { type ClientClock, systemClock } from "./clock.ts";
import type { Connect } from "./connection.ts";
import { type CallOptions, inDoubt, Job } from "./job.ts";
import { Members } from "./members.ts";
import { mutate, type Request } from "./mutate.ts";
import { Outbox } from "./outbox.ts";
import { allPages } from "./pages.ts";
import { MemberReader } from "./read.ts";
import { newRequestId, RequestId } from "./request_id.ts";
import { type Renew, Session, type SessionState } from "./session.ts";
import { type SubscribeOptions, Subscription } from "./subscription.ts";

/** Where to find a cluster and whose client to be. */
export interface ChatClientOptions {
  /** Client addresses, `host:port`, of any members; at least one. */
  readonly servers: readonly string[];
  /** Refuse any other cluster; without it the first that answers is the one. */
  readonly clusterId?: string | undefined;
  /** A login kept from an earlier run. */
  readonly session?: SessionState | undefined;
  /** How to reach a member. */
  readonly connect: Connect;
  readonly clock?: ClientClock | undefined;
}

/** Options of a call that changes something. */
export interface MutationOptions extends CallOptions {
  /** UUIDv7; the same one again is the same request. Made if absent. */
  readonly requestId?: string | undefined;
  /**
   * Nobody has asked under `requestId` before, nor ever will: where it is refused as the login had
   * ended, another takes its place after the new login, as it does for one that is made here.
   */
  readonly isNewId?: boolean | undefined;
}

/** How the client stands with its cluster, for showing to a person. */
export interface ClientState {
  /** `connecting`: no member has answered yet. `electing`: no leader is known right now. */
  readonly phase: "connecting" | "connected" | "electing";
  /** Client address of the leader. */
  readonly leader: string | null;
  /** Requests that wait for a leader, or messages in the outbox, whichever are more. */
  readonly waiting: number;
  /** Messages in the outbox. */
  readonly unsent: number;
}

/** Called after each change of the state. Must not throw. */
export type StateListener = (state: ClientState) => void;

/** A client of one cluster. Every method throws `ChatError` and nothing else. */
export class ChatClient {
  readonly #clock: ClientClock;
  readonly #members: Members;
  readonly #session: Session;
  readonly #reader: MemberReader;
  readonly #listeners = new Set<StateListener>();
  /** Messages sent in order through {@linkcode ChatClient.post}. */
  readonly #outbox: Outbox;

  constructor(options: ChatClientOptions) {
    this.#clock = options.clock ?? systemClock();
    this.#session = new Session(options.session);
    this.#members = new Members({
      connect: options.connect,
      clock: this.#clock,
      servers: options.servers,
      clusterId: options.clusterId,
      onChange: () => this.#tell(),
    });
    this.#reader = new MemberReader(this.#members, this.#session);
    this.#outbox = new Outbox(
      (message, signal) => this.#send(message, { signal }),
      () => this.#tell(),
    );
  }

  /** Name of the account that is logged in. */
  get user(): string | null {
    return this.#session.user;
  }

  /** How often a request that changes something had to be made again, so far. */
  get retries(): number {
    return this.#members.retries;
  }

  get state(): ClientState {
    const leader = this.#members.tracker.current();
    const phase = leader !== null
      ? "connected"
      : this.#members.pool.clusterId === null
      ? "connecting"
      : "electing";
    const unsent = this.#outbox.size;
    return { phase, leader, waiting: Math.max(this.#members.waiting, unsent), unsent };
  }

  /** What to keep for the next run; `null` if not logged in. */
  sessionState(): SessionState | null {
    return this.#session.state();
  }

  /**
   * Goes on with a login of an earlier run. Where the cluster says that it has ended, `renew`, which
   * logs in, is called once, and what was asked is asked again in the time that is left: under its
   * request id if that was given or something may have been done under it, else under another.
   */
  useSession(state: SessionState, renew?: Renew): void {
    this.#session.logIn(state.user, state.token);
    this.#session.see(state.position ?? "");
    if (renew !== undefined) this.#session.renewBy(renew);
  }

  /** Takes in addresses of this cluster that were learned in an earlier run. */
  learn(addresses: readonly string[]): void {
    this.#members.book.learn(addresses);
  }

  /** Every address of the cluster ever learned, for the next run. */
  addresses(): readonly string[] {
    return this.#members.book.all();
  }

  /** Listens to changes of the state. The result ends that. */
  onState(listener: StateListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Looks for the leader even while no call waits for it. The result ends that. */
  watch(): () => void {
    return this.#members.watch();
  }

  /** Id, members and leader of the cluster, as a member knows them. */
  async cluster(options: CallOptions = {}): Promise<GetClusterResponse> {
    return await this.#read("find the cluster", options, (api, context) => {
      return api.getCluster({}, context);
    });
  }

  /** Makes an account. Throws `NAME_TAKEN`, `INVALID_ARGUMENT`. */
  async createAccount(
    name: string,
    password: string,
    options: MutationOptions = {},
  ): Promise<void> {
    const request = { requestId: this.#requestId(options).text, name, password };
    const job = this.#job("make the account", options);
    await this.#mutateOnce(job, limits.passwordAttemptMsMax, (api, context) => {
      return api.createAccount(request, context);
    });
  }

  /** Logs in; later calls are that account's. Gives its name as it was registered. */
  async login(name: string, password: string, options: MutationOptions = {}): Promise<string> {
    const request = { requestId: this.#requestId(options).text, name, password };
    const job = this.#job("log in", options);
    const answer = await this.#mutateOnce(job, limits.passwordAttemptMsMax, (api, context) => {
      return api.login(request, context);
    });
    this.#session.logIn(answer.name, answer.token);
    return answer.name;
  }

  /** Ends this session, or all sessions of the account. */
  async logout(options: MutationOptions & { readonly all?: boolean } = {}): Promise<void> {
    const { all = false } = options;
    await this.#mutate("log out", options, (requestId) => (api, context) => {
      return api.logout({ requestId, all }, context);
    });
    this.#session.logOut();
  }

  /**
   * Ends one session of the account that is logged in, by its id of {@linkcode sessions}: the one
   * on a phone that is lost. `INVALID_ARGUMENT` if the account never had it; one that has ended
   * already is none. Of its own session's end this client learns by its next call.
   */
  async endSession(sessionId: string, options: MutationOptions = {}): Promise<void> {
    await this.#mutate("end the session", options, (requestId) => (api, context) => {
      return api.logout({ requestId, all: false, sessionId }, context);
    });
  }

  /** The open sessions of the account that is logged in. */
  sessions(options: CallOptions = {}): AsyncGenerator<SessionInfo, void, void> {
    return allPages(async (pageToken) => {
      const page = await this.#read("list the sessions", options, (api, context) => {
        return api.listSessions({ pageToken }, context);
      });
      return { items: page.sessions, nextPageToken: page.nextPageToken };
    });
  }

  /** Deletes the account that is logged in. */
  async deleteAccount(options: MutationOptions = {}): Promise<void> {
    await this.#mutate("delete the account", options, (requestId) => (api, context) => {
      return api.deleteAccount({ requestId }, context);
    });
    this.#session.logOut();
  }

  /** Everyone, online or not. */
  users(options: CallOptions = {}): AsyncGenerator<User, void, void> {
    return allPages(async (pageToken) => {
      const page = await this.#read("list the users", options, (api, context) => {
        return api.listUsers({ pageToken }, context);
      });
      return { items: page.users, nextPageToken: page.nextPageToken };
    });
  }

  /**
   * Sends one message; resolves once it is on the disks that the cluster's policy names. The
   * request id is the message's id. For an order among several, see {@linkcode post}.
   */
  async send(
    to: string,
    body: string,
    options: MutationOptions = {},
  ): Promise<SendMessageResponse> {
    return await this.#send({ to, body, id: this.#requestId(options) }, options);
  }

  /**
   * Sends after everything posted before, and keeps trying until it is acknowledged, refused
   * for good, or the client is closed.
   */
  post(
    to: string,
    body: string,
    options: Pick<MutationOptions, "requestId" | "isNewId"> = {},
  ): Promise<SendMessageResponse> {
    return this.#outbox.send({ id: this.#requestId(options), to, body });
  }

  /** Messages received and not acknowledged yet, oldest first. */
  inbox(options: CallOptions = {}): AsyncGenerator<Message, void, void> {
    return allPages(async (pageToken) => {
      const page = await this.#read("read the inbox", options, (api, context) => {
        return api.getMessages({ pageToken }, context);
      });
      return { items: page.messages, nextPageToken: page.nextPageToken };
    });
  }

  /** One page of the conversation with another account, oldest first. */
  async history(request: GetChatRequest, options: CallOptions = {}): Promise<GetChatResponse> {
    return await this.#read("read the conversation", options, (api, context) => {
      return api.getChat(request, context);
    });
  }

  /** Acknowledges messages by id, or all up to a position. Gives how many became so. */
  async acknowledge(
    what: { readonly ids: readonly string[] } | { readonly upTo: string },
    options: CallOptions = {},
  ): Promise<number> {
    let acknowledged = 0;
    const { deadline } = this.#job("acknowledge messages", options);
    for (let more = true; more;) {
      const answer: AcknowledgeResponse = await this.#mutate(
        "acknowledge messages",
        { signal: options.signal, deadline },
        (requestId) => (api, context) => api.acknowledgeMessages({ ...what, requestId }, context),
      );
      acknowledged += answer.acknowledged;
      more = answer.more;
    }
    return acknowledged;
  }

  /** Messages to this account as they arrive; resumes by itself at any member. */
  subscribe(options: SubscribeOptions = {}): Subscription {
    return new Subscription(this.#members, this.#session, options);
  }

  /** Ends all calls, subscriptions and connections. What was sent may still happen. */
  close(): void {
    this.#outbox.close();
    this.#members.close();
  }

  #requestId({ requestId, isNewId }: Pick<MutationOptions, "requestId" | "isNewId">): RequestId {
    const isKnown = requestId !== undefined && isNewId !== true;
    return new RequestId(requestId ?? newRequestId(this.#clock), { isKnown });
  }

  #send(
    { to, body, id }: { readonly to: string; readonly body: string; readonly id: RequestId },
    options: CallOptions,
  ): Promise<Answered<SendMessageResponse>> {
    return this.#mutate("send the message", options, (requestId) => {
      const request = { requestId, to, body };
      return (api, context) => api.sendMessage(request, context);
    }, id);
  }

  #job(what: string, options: CallOptions): Job {
    return new Job(this.#clock, what, options);
  }

  /** What may have been done by one attempt is not refused for sure, whatever came after it. */
  async #mutate<T>(
    what: string,
    options: MutationOptions,
    request: (requestId: string) => Request<T>,
    id = this.#requestId(options),
  ): Promise<Answered<T>> {
    const job = this.#job(what, options);
    try {
      return await this.#loggedIn(job, async (isAgain) => {
        if (isAgain) id.refused(this.#clock);
        try {
          return await this.#mutateOnce(job, limits.attemptMsMax, request(id.text));
        } finally {
          if (job.isInDoubt) id.doubt();
        }
      });
    } catch (thrown) {
      const error = ChatError.from(thrown);
      throw id.isInDoubt ? inDoubt(error) : error;
    }
  }

  #mutateOnce<T>(job: Job, attemptMs: number, request: Request<T>): Promise<Answered<T>> {
    return mutate(this.#members, this.#session, { job, request, attemptMs });
  }

  #read<T>(what: string, options: CallOptions, request: Request<T>): Promise<Answered<T>> {
    const job = this.#job(what, options);
    return this.#loggedIn(job, () => this.#reader.read({ job, request }));
  }

  /** Once more, where the login had ended and was made anew: all of it in the call's one time. */
  async #loggedIn<T>(job: Job, call: (isAgain: boolean) => Promise<T>): Promise<T> {
    const { token } = this.#session;
    try {
      return await call(false);
    } catch (thrown) {
      if (!await this.#renewed(job, ChatError.from(thrown), token)) throw thrown;
      return await call(true);
    }
  }

  /** As {@linkcode Session.renewed} says, but a call never waits for another's login to its end. */
  async #renewed(job: Job, error: ChatError, token: string | null): Promise<boolean> {
    const { deadline, signal } = job;
    const renewed = this.#session.renewed(error, token, { deadline });
    // What a person types meanwhile takes nothing of its time: there may be more left afterwards.
    do {
      // A little more: one that this call began says better what was in its way.
      const ms = deadline.leftMs() + 2 * limits.flightCheckMs;
      const isRenewed = await this.#members.within(ms, renewed, { untilLeader: false, signal });
      if (isRenewed !== null) return isRenewed;
      this.#members.assertOpen();
    } while (!job.isOver(0));
    throw job.exhausted(new ChatError("NO_LEADER", "a new login takes too long"), []);
  }

  #tell(): void {
    const state = this.state;
    for (const listener of this.#listeners) listener(state);
  }
}
