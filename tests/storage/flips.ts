/**
 * What a node makes of a data directory in which something was damaged: opens it as a node does,
 * catches up, and asks everything that people can ask. Owns that, and a small directory to try it
 * on.
 *
 * @module
 */

import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as queries from "../../src/chat/queries.ts";
import { ChatError } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { openDataDirectory } from "../../src/storage/data_directory.ts";
import { acknowledge, create, loggedIn, logout, remove, send } from "../support/chat_log.ts";
import { commandEntries } from "../support/state_log.ts";
import { batch, founded } from "./data_directories.ts";

const NAMES = ["ann", "bob", "cid", "dan"] as const;
const MESSAGES = 60;

/** Makes `stopped`, after an orderly stop, and `killed`, which is what kill -9 left, in a directory. */
export async function makeDirectories(
  parent: string,
): Promise<{ readonly stopped: string; readonly killed: string }> {
  const [stopped, killed] = [join(parent, "stopped"), join(parent, "killed")];
  const directory = await founded(stopped);
  const [first] = (await directory.log.load(10)).entries;
  const messages = Array.from({ length: MESSAGES }, (_, at) => {
    const [by, to] = [NAMES[at % 4]!, NAMES[(at * 3 + 1) % 4]!];
    return send(`m${at}`, { by, to, body: `message ${at} `.repeat(1 + at % 9) });
  });
  const received = messages.slice(0, 8).map((_, at) => `m${at}`);
  const commands = [
    ...loggedIn(...NAMES),
    ...messages,
    ...NAMES.map((name) => acknowledge(`k-${name}`, { by: name, ids: received })),
    logout("o", { by: "cid" }),
    remove("d", { by: "dan" }),
    create("eve"),
  ];
  const entries = commandEntries(commands, first!);
  const state = await directory.openState();
  await state.apply([first!]);
  for (let at = 0; at < entries.length; at += 16) {
    const some = entries.slice(at, at + 16);
    await directory.log.persist([batch(some)]);
    await state.apply(some);
    if (at === 32) await state.checkpoint();
  }
  cpSync(stopped, killed, { recursive: true });
  await state.close();
  await directory.close();
  return { stopped, killed };
}

/** What a node that starts on the directory tells people, all of it; or why it does not start. */
export async function toldBy(path: string): Promise<string> {
  try {
    const directory = await openDataDirectory(path, { create: true });
    try {
      const state = await directory.openState();
      try {
        const { log } = directory;
        for (let { index } = state.applied(); index < log.lastIndex; { index } = state.applied()) {
          await state.apply(await log.read(index + 1, log.lastIndex, limits.appendBytesMax));
        }
        return JSON.stringify([await state.digest(), ...await askEverything(state.reader)]);
      } finally {
        await state.close();
      }
    } finally {
      await directory.close();
    }
  } catch (error) {
    if (error instanceof ChatError) return `${error.reason} ${error.message}`;
    return `${error}`;
  }
}

async function askEverything(reader: Parameters<typeof queries.listAccounts>[0]) {
  const answers: unknown[] = [await queries.listAccounts(reader, { limit: 100 })];
  for (const name of [...NAMES, "eve"]) {
    const owners = await queries.accountsNamed(reader, name);
    answers.push(
      owners,
      await queries.findAccountByName(reader, name),
      await queries.findSession(reader, `token of ${name}-1`),
      await queries.inbox(reader, name, { limit: 100 }),
      await queries.messagesTo(reader, name, { afterIndex: 0, throughIndex: 1e6, limit: 500 }),
      await queries.findOutcome(reader, `k-${name}`),
    );
    for (const accountId of NAMES) {
      const others = owners.map((one) => ({ accountId: one.accountId, deleted: one.deleted }));
      answers.push(await queries.conversation(reader, { accountId, others }, { limit: 500 }));
    }
  }
  for (let at = 0; at < MESSAGES; at++) answers.push(await queries.findOutcome(reader, `m${at}`));
  return answers;
}

/** The places in a database file that hold more than rows: its header, and that of each page. */
export function structuralPlaces(path: string): readonly number[] {
  const { length } = readFileSync(path);
  const pageBytes = 4_096;
  const places = Array.from({ length: 100 }, (_, at) => at);
  for (let page = 0; page < length; page += pageBytes) {
    const header = page === 0 ? 100 : page;
    // The page's kind, its free blocks and cells, and the first of the pointers to them.
    for (let at = 0; at < 16; at++) places.push(header + at);
  }
  return places;
}
