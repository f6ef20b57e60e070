/**
 * `jmessage chat`: the group with its common flags. Owns only them and which commands there
 * are; without a command it starts the interactive chat.
 *
 * @module
 */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import process from "node:process";
import { connect } from "../rpc/client.ts";
import { accountCommands } from "./chat_account.ts";
import type { ChatFlags, ChatOptions } from "./chat_context.ts";
import { interactiveChat } from "./chat_interactive.ts";
import { listenCommand } from "./chat_listen.ts";
import { messageCommands } from "./chat_messages.ts";
import { newCommand } from "./command.ts";
import { TerminalInput } from "./input.ts";
import { jsonOption, serversOption, timeoutOption } from "./options.ts";
import { terminal } from "./output.ts";
import { addTlsOptions } from "./tls_options.ts";

/** What one command may take, s: longer than an election after an outage of several nodes. */
const TIMEOUT_SECONDS = 30;
/** Those without an end of their own try for ever, as somebody waits for what is yet to come. */
const TIMEOUT_TEXT =
  "give up after this long; send from stdin: at each line; the chat itself and listen: only while " +
  "they begin";

/** `jmessage chat`. */
export function chatCommand(
  options: ChatOptions = {
    connect,
    output: terminal,
    input: new TerminalInput(),
    environment: process.env,
  },
): CommandUnknownOpts {
  const group = newCommand("chat", "talk to others", {
    example: "jmessage chat -u ann register\njmessage chat -u ann\n" +
      "jmessage chat -u ann send bob 'hello, Bob'",
  })
    .addOption(serversOption())
    .option("-u, --user <name>", "who to be (default: the one who is logged in here)")
    .addOption(
      new Option("--state-dir <dir>", "where sessions are kept (default: the XDG state directory)"),
    )
    .option(
      "--password-stdin",
      "read the password from stdin, its first line (or set JMESSAGE_PASSWORD)",
    )
    .addOption(timeoutOption(TIMEOUT_SECONDS, TIMEOUT_TEXT))
    .addOption(jsonOption());
  addTlsOptions(group);
  const flags = (): ChatFlags => group.opts();
  group.action(() => interactiveChat(flags(), options));
  const commands = [
    ...accountCommands(flags, options),
    ...messageCommands(flags, options),
    listenCommand(flags, options),
  ];
  for (const command of commands) {
    group.addCommand(command.configureHelp({ showGlobalOptions: true }));
  }
  return group;
}
