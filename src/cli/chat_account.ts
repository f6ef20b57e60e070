/**
 * `jmessage chat register`, `login`, `logout` and `delete-account`. Owns what they ask and
 * print; the tokens' place is `chat_state.ts`'s.
 *
 * @module
 */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { ChatError } from "../errors.ts";
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
    newCommand("logout", "end the session", { example: "jmessage chat -u ann logout --all" })
      .option("--all", "all sessions of the account, wherever they are")
      .action(async (own) => {
        done(await logout(flags(), options, own.all ?? false), "is logged out");
      }),
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
  const user = await readUser(flags, options);
  const password = await readPassword(flags, options, { user, twice: true });
  let name = user;
  await withCluster(flags, options, async (context) => {
    const { client, timeoutMs } = context;
    await client.createAccount(user, password, { timeoutMs });
    name = await client.login(user, password, { timeoutMs });
    keepLogin(context);
  });
  return name;
}

async function login(flags: ChatFlags, options: ChatOptions): Promise<string> {
  const user = await readUser(flags, options);
  const password = await readPassword(flags, options, { user, twice: false });
  let name = user;
  await withCluster(flags, options, async (context) => {
    name = await context.client.login(user, password, { timeoutMs: context.timeoutMs });
    keepLogin(context);
  });
  return name;
}

async function logout(flags: ChatFlags, options: ChatOptions, all: boolean): Promise<string> {
  let name = "";
  await withLogin(flags, options, async (context) => {
    name = context.client.user ?? "";
    try {
      await context.client.logout({ all, timeoutMs: context.timeoutMs });
    } catch (thrown) {
      // A session that the cluster does not know has ended already.
      const error = ChatError.from(thrown);
      if (error.reason !== "UNAUTHENTICATED" || all) throw error;
    }
    context.state.forgetSession(context.clusterId, name);
  });
  return name;
}

async function deleteAccount(
  flags: ChatFlags,
  options: ChatOptions,
  yes: boolean,
): Promise<string> {
  let name = "";
  await withLogin(flags, options, async (context) => {
    name = context.client.user ?? "";
    if (!yes) await confirmDeletion(name, options);
    await context.client.deleteAccount({ timeoutMs: context.timeoutMs });
    forgetAll(context, name);
  });
  return name;
}

async function confirmDeletion(name: string, options: ChatOptions): Promise<void> {
  if (!options.input.interactive) return;
  const answer = await options.input.ask(
    `Delete ${printable(name)} and the messages it received for good? Type the name to go on: `,
  );
  if (answer.trim() !== name) throw misuse("the name was not confirmed");
}

function forgetAll(context: ChatContext, name: string): void {
  context.state.forgetSession(context.clusterId, name);
  context.state.forgetCursor(context.clusterId, name);
}
