/**
 * `jmessage chat users`, `send`, `inbox` and `history`. Owns what they ask for and print;
 * `listen` is `chat_listen.ts`'s.
 *
 * @module
 */

import { type CommandUnknownOpts, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { isRequestId } from "../client/request_id.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Message, SendMessageResponse, User } from "../rpc/api.ts";
import {
  type ChatContext,
  type ChatFlags,
  type ChatOptions,
  misuse,
  withLogin,
} from "./chat_context.ts";
import { messageJson, messageLine, usersTable } from "./chat_text.ts";
import { newCommand, withoutVariable } from "./command.ts";
import { parseInteger } from "./options.ts";
import { outliveReader } from "./output.ts";

/** The commands about messages; `flags` gives those of the group once they are parsed. */
export function messageCommands(
  flags: () => ChatFlags,
  options: ChatOptions,
): readonly CommandUnknownOpts[] {
  return [
    newCommand("users", "list everyone, online or offline", {
      example: "jmessage chat -u ann users",
    }).action(() => withLogin(flags(), options, (context) => users(context, flags(), options))),
    sendCommand(flags, options),
    newCommand("inbox", "print messages that are not acknowledged yet", {
      example: "jmessage chat -u ann inbox --ack",
    })
      .option("--ack", "acknowledge what was printed")
      .action((own) =>
        withLogin(flags(), options, (context) => {
          return inbox(context, flags(), { ...options, acknowledge: own.ack ?? false });
        })
      ),
    historyCommand(flags, options),
  ];
}

function sendCommand(flags: () => ChatFlags, options: ChatOptions): CommandUnknownOpts {
  return newCommand("send", "send a message, or one a line from stdin", {
    example: "jmessage chat -u ann send bob 'hello, Bob'\ntail -f log | jmessage chat send bob -",
  })
    .argument("<to>", "the receiver's name")
    .argument("<text>", "the message; - reads messages from stdin, one a line, as they come")
    .addOption(idOption())
    .action((to, text, own) => {
      if (text === "-" && own.id !== undefined) throw misuse("--id is for one message, not stdin");
      if (text === "") throw misuse("the message is empty; give its text, or - for stdin");
      return withLogin(flags(), options, async (context) => {
        const print = printSent(flags(), options);
        if (text === "-") return await sendLines(context, to, { options, print });
        print(await sendOne(context, { to, text, id: own.id }));
      });
    });
}

/** Under the id that is given and no other, as whoever gave it may ask under it again. */
async function sendOne(
  { client, deadline }: ChatContext,
  { to, text, id }: {
    readonly to: string;
    readonly text: string;
    readonly id: string | undefined;
  },
): Promise<SendMessageResponse> {
  const login = client.sessionState()?.token;
  try {
    return await client.send(to, text, { deadline, requestId: id });
  } catch (thrown) {
    const error = ChatError.from(thrown);
    const isRenewed = client.sessionState()?.token !== login;
    const isRefused = error.reason === "UNAUTHENTICATED" && error.definite;
    if (id === undefined || !isRenewed || !isRefused) throw error;
    const message = "Cannot send under this --id as it was refused when the login had ended, and " +
      "stays refused; the login is made anew";
    throw new ChatError("REQUEST_ID_REUSED", message, { cause: error });
  }
}

/** `JMESSAGE_ID` names a node; and one id for all messages would send the first alone. */
function idOption() {
  const text = "request id (UUIDv7): the same one again sends no second";
  return withoutVariable(new Option("--id <uuid>", text).argParser(requestId));
}

function historyCommand(flags: () => ChatFlags, options: ChatOptions): CommandUnknownOpts {
  return newCommand("history", "print a conversation, oldest first", {
    example: "jmessage chat -u ann history bob --limit 20",
  })
    .argument("<with>", "the other's name")
    .option(
      "--limit <n>",
      "the newest so many",
      parseInteger(1, limits.historyLinesMax),
      limits.pageRowsDefault,
    )
    .option("--before <position>", "only what is before this position")
    .action((other, own) =>
      withLogin(flags(), options, async (context) => {
        const { limit, before } = own;
        printMessages(await history(context, other, { limit, before }), flags(), options);
      })
    );
}

async function users(
  { client, deadline }: ChatContext,
  flags: ChatFlags,
  { output }: ChatOptions,
): Promise<void> {
  const found: User[] = [];
  for await (const user of client.users({ deadline })) {
    if (!flags.json) found.push(user);
    else await deadline.aside(() => output.json({ user: user.name, online: user.online }));
  }
  if (!flags.json) output.line(usersTable(found, Date.now()));
}

/**
 * Sends each line when it comes; the next only once the one before is acknowledged. Each has the
 * command's whole time for itself: when they come is not this command's to say.
 */
async function sendLines(
  { client, deadline: { timeoutMs } }: ChatContext,
  to: string,
  { options, print }: { options: ChatOptions; print: SentPrinter },
): Promise<void> {
  let number = 1;
  // `send bob - | head -1` sends every line: what matters is not what is printed.
  outliveReader();
  try {
    for (let line; (line = await options.input.nextLine()) !== null; number++) {
      // An empty line is no message.
      if (line !== "") print(await client.send(to, line, { timeoutMs }));
    }
  } catch (thrown) {
    const error = ChatError.from(thrown);
    throw new ChatError(error.reason, `${error.message} (line ${number} of stdin)`, {
      cause: error,
      afterIndefinite: !error.definite,
    });
  }
}

type SentPrinter = (sent: { readonly id: string; readonly seq: number }) => void;

function printSent(flags: ChatFlags, { output }: ChatOptions): SentPrinter {
  return ({ id, seq }) => {
    if (flags.json) output.json({ id, seq });
    else output.line(`sent, number ${seq}, id ${id}`);
  };
}

async function inbox(
  { client, deadline }: ChatContext,
  flags: ChatFlags,
  options: ChatOptions & { readonly acknowledge: boolean },
): Promise<void> {
  let ids: string[] = [];
  // Printed first: a message that was acknowledged but never shown would be lost.
  const acknowledge = async () => {
    if (options.acknowledge && ids.length > 0) await client.acknowledge({ ids }, { deadline });
    ids = [];
  };
  for await (const message of client.inbox({ deadline })) {
    await deadline.aside(() => printMessages([message], flags, options));
    ids.push(message.id);
    if (ids.length >= limits.ackIdsMax) await acknowledge();
  }
  await acknowledge();
}

/** The newest `limit` messages before a position, page by page from the end. */
async function history(
  { client, deadline }: ChatContext,
  other: string,
  { limit, before }: { readonly limit: number; readonly before?: string | undefined },
): Promise<readonly Message[]> {
  let messages: readonly Message[] = [];
  let from = before;
  for (;;) {
    const rows = Math.min(limit - messages.length, limits.pageRowsMax);
    const request = { with: other, limit: rows, ...(from === undefined ? {} : { before: from }) };
    const page = await client.history(request, { deadline });
    messages = [...page.messages, ...messages];
    from = page.messages[0]?.position;
    if (!page.more || from === undefined || messages.length >= limit) return messages;
  }
}

function printMessages(
  messages: readonly Message[],
  flags: ChatFlags,
  { output }: ChatOptions,
): void {
  const now = Date.now();
  for (const message of messages) {
    if (flags.json) output.json(messageJson(message));
    else output.line(messageLine(message, now));
  }
}

function requestId(text: string): string {
  const id = text.toLowerCase();
  if (!isRequestId(id)) {
    throw new InvalidArgumentError("Must be a UUID of version 7, as in RFC 9562.");
  }
  return id;
}
