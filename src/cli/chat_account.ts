/**
 * `jmessage chat register`, `login`, `logout`, `sessions` and `delete-account`. Owns what they ask and
 * print; the tokens' place is `chat_state.ts`'s.
 *
 * @module
 */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { checkName } from "../chat/validate.ts";
import { ChatError } from "../errors.ts";
import type { SessionInfo } from "../rpc/api.ts";
import {
  type ChatContext,
  type ChatFlags,
  type ChatOptions,
  keepLogin,
  misuse,
  readPassword,
  readUser,
  withCluster,
  withLogin,
} from "./chat_context.ts";
import { sessionJson, sessionsTable } from "./chat_text.ts";
import { newCommand } from "./command.ts";
import { printable } from "./text.ts";

/** The commands about the account; `flags` gives those of the group once they are parsed. */
export function accountCommands(
  flags: () => ChatFlags,
  options: ChatOptions,
): readonly CommandUnknownOpts[] {
  const done = (user: string, what: string) => {
    if (flags().json) options.output.json({ user });
    else options.output.line(`${printable(user)} ${what}`);
  };
  return [
    newCommand("register", "make an account and log in", {
      example: "jmessage chat -u ann register",
    }).action(async () => done(await register(flags(), options), "is registered and logged in")),
    newCommand("login", "log in and keep the session", {
      example: "jmessage chat -u ann login --password-stdin <secret.txt",
    }).action(async () => done(await login(flags(), options), "is logged in")),
    newCommand("logout", "end the session, or others of the account", {
      example: "jmessage chat -u ann logout\n" +
        "jmessage chat logout --session 2f1c8b54-7d0e-4b6a-9c3d-5e8f7a6b1c20",
    })
      .option("--all", "all sessions of the account, wherever they are")
      .addOption(
        new Option("--session <id>", "one session, by its id in jmessage chat sessions")
          .conflicts("all"),
      )
      .action(async ({ all = false, session }) => {
        if (session === undefined) {
          return done(await logout(flags(), options, all), "is logged out");
        }
        const user = await endSession(flags(), options, session);
        if (flags().json) options.output.json({ user, session });
        else options.output.line(`${printable(user)}: session ${printable(session)} is ended`);
      }),
    newCommand("sessions", "list where the account is logged in", {
      example: "jmessage chat -u ann sessions",
    }).action(() => withLogin(flags(), options, (context) => sessions(context, flags(), options))),
    newCommand("delete-account", "delete the account for good", {
      example: "jmessage chat -u ann delete-account --yes",
    })
      .option("--yes", "do not ask")
      .action(async (own) => {
        done(await deleteAccount(flags(), options, own.yes ?? false), "is deleted");
      }),
  ];
}

async function register(flags: ChatFlags, options: ChatOptions): Promise<string> {
  // Before a password is asked for, twice, in vain.
  const user = checkName(await readUser(flags, options));
  const password = await readPassword(flags, options, { user, twice: true });
  let name = user;
  await withCluster(flags, options, async (context) => {
    const { client, deadline } = context;
    await client.createAccount(user, password, { deadline });
    try {
      name = await client.login(user, password, { deadline });
      keepLogin(context);
    } catch (thrown) {
      const error = ChatError.from(thrown);
      throw new ChatError(error.reason, `The account is made, but: ${error.message}`, {
        cause: error,
        afterIndefinite: !error.definite,
      });
    }
  });
  return name;
}

async function login(flags: ChatFlags, options: ChatOptions): Promise<string> {
  const user = await readUser(flags, options);
  const password = await readPassword(flags, options, { user, twice: false });
  let name = user;
  await withCluster(flags, options, async (context) => {
    name = await context.client.login(user, password, { deadline: context.deadline });
    keepLogin(context);
  });
  return name;
}

async function logout(flags: ChatFlags, options: ChatOptions, all: boolean): Promise<string> {
  let name = "";
  await withLogin(flags, options, async (context) => {
    name = context.client.user ?? "";
    try {
      await context.client.logout({ all, deadline: context.deadline });
    } catch (thrown) {
      // A session that the cluster does not know has ended already.
      const error = ChatError.from(thrown);
      if (error.reason !== "UNAUTHENTICATED" || all) throw error;
    }
    context.state.forgetSession(context.clusterId, name);
    // To log in only to log out again would be nothing but a way to fail.
  }, { anew: all });
  return name;
}

async function endSession(flags: ChatFlags, options: ChatOptions, id: string): Promise<string> {
  if (id === "") throw misuse("--session was given, but it is empty");
  let name = "";
  await withLogin(flags, options, async ({ client, clusterId, state, deadline }) => {
    name = client.user ?? "";
    let own = "";
    for await (const { id, current } of client.sessions({ deadline })) if (current) own = id;
    await client.endSession(id, { deadline });
    if (id.toLowerCase() === own) state.forgetSession(clusterId, name);
  });
  return name;
}

async function sessions(
  { client, deadline }: ChatContext,
  flags: ChatFlags,
  { output }: ChatOptions,
): Promise<void> {
  const found: SessionInfo[] = [];
  for await (const session of client.sessions({ deadline })) found.push(session);
  found.sort((left, right) => left.createdAtMs - right.createdAtMs);
  if (!flags.json) return output.line(sessionsTable(found, Date.now()));
  for (const session of found) output.json(sessionJson(session));
}

async function deleteAccount(
  flags: ChatFlags,
  options: ChatOptions,
  yes: boolean,
): Promise<string> {
  // Before anything is asked: a script without a terminal must not delete by mistake.
  if (!yes && !options.input.interactive) {
    throw new ChatError(
      "INVALID_ARGUMENT",
      "Cannot ask whether to delete the account as there is no terminal; add --yes to go on",
    );
  }
  let name = "";
  await withLogin(flags, options, async (context) => {
    name = context.client.user ?? "";
    const { client, deadline } = context;
    if (!yes) await deadline.aside(() => confirmDeletion(name, options));
    await client.deleteAccount({ deadline });
    forgetAll(context, name);
  });
  return name;
}

async function confirmDeletion(name: string, options: ChatOptions): Promise<void> {
  const answer = await options.input.ask(
    `Delete ${printable(name)} and the messages it received for good? Type the name to go on: `,
  );
  if (answer.trim() !== name) throw misuse("the name was not confirmed");
}

function forgetAll(context: ChatContext, name: string): void {
  context.state.forgetSession(context.clusterId, name);
  context.state.forgetCursor(context.clusterId, name);
}
