/**
 * What every chat command does before and after its own part: find the cluster, take up the
 * login, and keep what was learned. Owns where a password comes from; it prints no results.
 *
 * @module
 */

import { checkPassword } from "../chat/validate.ts";
import { ChatClient } from "../client/chat_client.ts";
import { type ClientClock, systemClock } from "../client/clock.ts";
import type { Connect, Connection } from "../client/connection.ts";
import { Deadline } from "../client/deadline.ts";
import type { CallOptions } from "../client/job.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { ChatState, defaultStateDirectory, type Environment } from "./chat_state.ts";
import type { Input } from "./input.ts";
import type { Output } from "./output.ts";
import { printable } from "./text.ts";
import { type SecureConnect, secured, type TlsFlags } from "./tls_options.ts";

/** Flags of `jmessage chat` and all its commands. */
export interface ChatFlags extends TlsFlags {
  readonly servers: readonly string[];
  readonly user?: string | undefined;
  readonly stateDir?: string | undefined;
  readonly passwordStdin?: true | undefined;
  readonly timeout: number;
  readonly json?: true | undefined;
}

/** What the chat commands need from outside; tests pass their own. */
export interface ChatOptions {
  readonly connect: SecureConnect<Connection>;
  readonly output: Output;
  readonly input: Input;
  readonly environment: Environment;
  /** The machine's, if absent. */
  readonly clock?: ClientClock | undefined;
}

/** A client that knows its cluster, and the state directory. */
export interface ChatContext {
  readonly client: ChatClient;
  readonly clusterId: string;
  readonly state: ChatState;
  /** The whole command's time: what finds the cluster takes of it, and a login that is made anew. */
  readonly deadline: Deadline;
}

/** Finds the cluster, runs `action`, keeps what was learned, and closes the client. */
export async function withCluster(
  flags: ChatFlags,
  options: ChatOptions,
  action: (context: ChatContext) => Promise<void>,
): Promise<void> {
  const state = new ChatState(flags.stateDir ?? defaultStateDirectory(options.environment));
  const clock = options.clock ?? systemClock();
  const deadline = new Deadline(clock, flags.timeout * 1_000);
  const search = { deadline, clock, connect: await secured(flags, options.connect) };
  const { client, clusterId } = await findCluster(flags.servers, search, state);
  try {
    client.learn(state.addresses(clusterId));
    await action({ client, clusterId, state, deadline });
  } finally {
    keepLearned(client, clusterId, state);
    client.close();
  }
}

/**
 * Like {@linkcode withCluster}, logged in; anew where the kept login has ended and the password is
 * at hand, unless `anew` is false.
 */
export async function withLogin(
  flags: ChatFlags,
  options: ChatOptions,
  action: (context: ChatContext) => Promise<void>,
  { anew = true }: { readonly anew?: boolean } = {},
): Promise<void> {
  await withCluster(flags, options, async (context) => {
    const login = await takeUpLogin(context, flags, options, anew);
    try {
      await action(context);
    } catch (thrown) {
      const error = ChatError.from(thrown);
      throw login.failed ? error : explained(error, context, flags);
    }
  });
}

/** Whether a login that had to be made anew could not be: what is told then is why. */
interface TakenLogin {
  readonly failed: boolean;
}

/**
 * The cluster that the servers belong to. If none of them answers, their cluster is looked for
 * at the addresses it had before.
 */
async function findCluster(
  listed: readonly string[],
  { deadline, clock, connect }: {
    readonly deadline: Deadline;
    readonly clock: ClientClock;
    readonly connect: Connect;
  },
  state: ChatState,
): Promise<{ client: ChatClient; clusterId: string }> {
  const [before, another] = state.clustersAt(listed);
  const hasOther = before !== undefined && another === undefined;
  const client = new ChatClient({ connect, servers: listed, clock });
  try {
    const timeoutMs = Math.min(deadline.leftMs() / 2, limits.listedServersMs);
    const found = await client.cluster(hasOther ? { timeoutMs } : { deadline });
    return { client, clusterId: found.clusterId };
  } catch (thrown) {
    client.close();
    if (!hasOther || ChatError.from(thrown).reason === "WRONG_CLUSTER") throw thrown;
  }
  const servers = state.addresses(before);
  const other = new ChatClient({ connect, servers, clusterId: before, clock });
  try {
    await other.cluster({ deadline });
    return { client: other, clusterId: before };
  } catch (thrown) {
    other.close();
    throw thrown;
  }
}

/** Never hides an error of the command itself behind one of its own. */
function keepLearned(client: ChatClient, clusterId: string, state: ChatState): void {
  try {
    const addresses = client.addresses();
    const known = state.addresses(clusterId);
    if (addresses.some((address) => !known.includes(address))) {
      state.keepAddresses(clusterId, addresses);
    }
    const session = client.sessionState();
    if (session !== null && state.session(clusterId, session.user)?.token === session.token) {
      state.keepSession(clusterId, session);
    }
  } catch {
    // A full disk or a read-only home costs a login next time, not this command.
  }
}

async function takeUpLogin(
  context: ChatContext,
  flags: ChatFlags,
  options: ChatOptions,
  anew: boolean,
): Promise<TakenLogin> {
  const { client, clusterId, state, deadline } = context;
  const user = flags.user ?? onlyUser(state.users(clusterId));
  const session = state.session(clusterId, user);
  const password = options.environment["JMESSAGE_PASSWORD"];
  const login = { failed: false };
  if (session !== null && !flags.passwordStdin) {
    // Only where the cluster says that it has ended: to ask before would cost time of the command's.
    const renew = anew && password !== undefined
      ? async (call: CallOptions) => {
        login.failed = true;
        // What goes on without an end has no time for all of it, and none is left of its beginning.
        const { timeoutMs } = deadline;
        await client.login(user, password, call.deadline === undefined ? { timeoutMs } : call);
        keepLoginIfPossible(context);
        login.failed = false;
      }
      : undefined;
    client.useSession(session, renew);
    return login;
  }
  const given = password !== undefined || flags.passwordStdin;
  if (!given && !options.input.interactive) throw notLoggedIn(user);
  const read = () => readPassword(flags, options, { user, twice: false });
  await client.login(user, await deadline.aside(read), { deadline });
  keepLoginIfPossible(context, options.output);
  return login;
}

/** As with what was learned. Told only before a chat may have the screen. */
function keepLoginIfPossible(context: ChatContext, output?: Output): void {
  try {
    keepLogin(context);
  } catch (thrown) {
    output?.remark(`This login is for this command alone: ${ChatError.from(thrown).message}`);
  }
}

/** Keeps the token of the login just made. */
export function keepLogin(context: ChatContext): void {
  const session = context.client.sessionState();
  if (session !== null) context.state.keepSession(context.clusterId, session);
}

/** From stdin, the environment, or the person. */
export async function readPassword(
  flags: ChatFlags,
  options: ChatOptions,
  { user, twice }: { readonly user: string; readonly twice: boolean },
): Promise<string> {
  const { input } = options;
  if (flags.passwordStdin) {
    const line = await input.nextLine();
    if (line === null) throw misuse("--password-stdin was given, but stdin is empty");
    return line;
  }
  const fromEnvironment = options.environment["JMESSAGE_PASSWORD"];
  if (fromEnvironment !== undefined) return fromEnvironment;
  if (!input.interactive) throw noPassword(user);
  const password = await input.askSecret(`Password of ${printable(user)}: `);
  if (!twice) return password;
  // Before it is asked for again in vain.
  checkPassword(password);
  if (await input.askSecret("Once more: ") !== password) throw misuse("the two passwords differ");
  return password;
}

/** The user to register or log in: the flag, or the person's answer. */
export async function readUser(flags: ChatFlags, options: ChatOptions): Promise<string> {
  if (flags.user !== undefined) return flags.user;
  if (!options.input.interactive) throw misuse("no user was given: add --user NAME");
  return (await options.input.ask("User: ")).trim();
}

function onlyUser(users: readonly string[]): string {
  const [first, second] = users;
  if (first === undefined) {
    throw misuse(
      "nobody is logged in here: run jmessage chat login --user NAME first (register, if you are new)",
    );
  }
  if (second !== undefined) {
    throw misuse(`several users are logged in here (${users.join(", ")}): add --user NAME`);
  }
  return first;
}

function notLoggedIn(user: string): ChatError {
  const name = printable(user);
  return new ChatError(
    "UNAUTHENTICATED",
    `Cannot act as ${name} without a login: run jmessage chat login --user ${name}, ` +
      "or give the password by --password-stdin or JMESSAGE_PASSWORD",
  );
}

/** Of a command that logs in, which is not to be sent to that very command. */
function noPassword(user: string): ChatError {
  return new ChatError(
    "UNAUTHENTICATED",
    `Cannot ask for the password of ${printable(user)} as there is no terminal: ` +
      "give it by --password-stdin or JMESSAGE_PASSWORD",
  );
}

/** A token that the cluster does not know any more: the login ended elsewhere. */
function explained(error: ChatError, context: ChatContext, flags: ChatFlags): ChatError {
  if (error.reason !== "UNAUTHENTICATED") return error;
  const user = printable(context.client.user ?? flags.user ?? "NAME");
  return new ChatError(
    "UNAUTHENTICATED",
    `Not logged in: this login of ${user} has ended; log in again with ` +
      `jmessage chat login --user ${user}`,
    { cause: error },
  );
}

/** A command that cannot be right: exit code 2. */
export function misuse(why: string): ChatError {
  return new ChatError("INVALID_ARGUMENT", `Cannot do that: ${why}`);
}
