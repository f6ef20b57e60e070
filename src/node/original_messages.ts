/**
 * Reading for original clients: all at once, as they know no pages, and what they were shown
 * becomes received. Owns the order of the two: only what went out becomes received, so that no
 * message is lost with an answer, and the next call of that account waits until it has.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import {
  accountsNamed,
  conversation,
  inbox,
  type MessagePage,
  type MessageRow,
  receivedAt,
  type Session,
} from "../chat/queries.ts";
import { checkName } from "../chat/validate.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { MESSAGE_ID_MAX, type OriginalMessage } from "../rpc/original_api.ts";
import type { MessageService } from "./message_service.ts";
import { pause } from "./pause.ts";
import type { ServiceParts } from "./service_parts.ts";
import { Turns } from "./original_turns.ts";

/** Who reads, how long the caller waits, and whether the answer went out. */
export interface Reading {
  readonly token: string;
  readonly signal: AbortSignal;
  /** Given what was found: answers with it. */
  readonly answer: (messages: readonly OriginalMessage[]) => void;
  answered(): Promise<boolean>;
}

/** What original clients read. The node leads, as far as it knows. */
export class OriginalMessages {
  readonly #parts: ServiceParts;
  readonly #messages: MessageService;
  readonly #turns = new Turns();

  constructor(parts: ServiceParts, messages: MessageService) {
    this.#parts = parts;
    this.#messages = messages;
  }

  /** The oldest that were not received yet. */
  async unread(reading: Reading): Promise<void> {
    await this.#inTurn(reading, async ({ accountId }) => {
      const { reader } = this.#parts.options;
      type Page = MessagePage & { readonly nextPageToken: string };
      const pages = await gather<Page>((before, limit) =>
        inbox(reader, accountId, { limit, pageToken: before?.nextPageToken })
      );
      const rows = pages.flatMap((page) => page.messages);
      const numbered = rows.filter(hasNumber);
      if (numbered.length === 0 && rows.length > 0) throw noNumber();
      return numbered;
    });
  }

  /** The newest of one conversation, by time. `NO_SUCH_USER` if nobody ever had the name. */
  async chat(name: string, reading: Reading): Promise<void> {
    await this.#inTurn(reading, async ({ accountId }) => {
      const { reader } = this.#parts.options;
      const others = await accountsNamed(reader, checkName(name, "with"));
      if (others.length === 0) {
        throw new ChatError("NO_SUCH_USER", `There is no user ${name}: check the name`);
      }
      const pages = await gather((before, limit) =>
        conversation(reader, { accountId, others }, { limit, before: before?.messages[0]?.index })
      );
      const rows = pages.flatMap((page) => page.messages);
      if (!rows.every(hasNumber)) throw noNumber();
      // What came over after a partition has its own time and a later place.
      return rows.toSorted((a, b) => a.sentAtMs - b.sentAtMs || a.index - b.index);
    });
  }

  /** What has one of these numbers and was sent to this account becomes received. */
  async acknowledge(
    numbers: readonly number[],
    { token, signal }: Pick<Reading, "token" | "signal">,
  ): Promise<void> {
    const { accountId } = await this.#author(token);
    const distinct = [...new Set(numbers)];
    for (let from = 0; from < distinct.length; from += limits.ackIdsMax) {
      const some = distinct.slice(from, from + limits.ackIdsMax);
      const ids = await receivedAt(this.#parts.options.reader, accountId, some);
      if (ids.length > 0) await this.#receive(ids, { token, signal });
    }
  }

  async #author(token: string): Promise<Session> {
    return this.#parts.seen(await this.#parts.options.sessions.find(token));
  }

  async #inTurn(
    reading: Reading,
    read: (session: Session) => Promise<readonly MessageRow[]>,
  ): Promise<void> {
    const { token, signal } = reading;
    const end = await this.#turns.take((await this.#author(token)).accountId);
    try {
      if (signal.aborted) throw new ChatError("NO_LEADER", "Nobody waits for this any more");
      // Much may have changed meanwhile: who leads, and who is logged in.
      await this.#parts.options.driver.readIndex();
      const session = await this.#author(token);
      const rows = await read(session);
      reading.answer(rows.map(toOriginal));
      if (await reading.answered()) await this.#received(rows, { session, token });
    } finally {
      end();
    }
  }

  /** Marks what its receiver was shown. Where that fails, it will be shown once more. */
  async #received(
    rows: readonly MessageRow[],
    { session, token }: { readonly session: Session; readonly token: string },
  ): Promise<void> {
    const shown = new Set(rows.filter((row) => !row.acknowledged).map((row) => row.index));
    if (shown.size === 0) return;
    // The caller is gone by now, rightly.
    const end = new AbortController();
    const cancel = this.#parts.options.clock.after(limits.originalCallMsMax, () => end.abort());
    try {
      // Of a conversation, half was sent by its reader.
      const ids = await receivedAt(this.#parts.options.reader, session.accountId, [...shown]);
      if (ids.length > 0) await this.#receive(ids, { token, signal: end.signal });
    } finally {
      cancel();
    }
  }

  /** Waits where too much is asked for: no caller is there to do so. */
  async #receive(
    ids: readonly string[],
    { token, signal }: Pick<Reading, "token" | "signal">,
  ): Promise<void> {
    const { clock } = this.#parts.options;
    const request = { requestId: randomUUID(), ids };
    const context = { token, signal, deadlineMs: clock.wall() + limits.originalCallMsMax };
    while (true) {
      try {
        await this.#messages.acknowledgeMessages(request, context);
        return;
      } catch (thrown) {
        const error = ChatError.from(thrown);
        if (error.reason !== "OVERLOADED" || signal.aborted) throw error;
        await pause(clock, error.retryAfterMs ?? limits.overloadRetryMs, signal);
      }
    }
  }
}

/** Pages until there are no more, or as many as one answer and one acknowledgement hold. */
async function gather<Page extends MessagePage>(
  next: (before: Page | null, limit: number) => Promise<Page>,
): Promise<Page[]> {
  const pages: Page[] = [];
  let [rows, bytes] = [0, 0];
  let page: Page | null = null;
  do {
    page = await next(page, Math.min(limits.pageRowsMax, limits.ackIdsMax - rows));
    pages.push(page);
    rows += page.messages.length;
    for (const { body } of page.messages) bytes += Buffer.byteLength(body);
  } while (page.more && rows < limits.ackIdsMax && bytes < limits.originalBodyBytesMax);
  return pages;
}

function hasNumber({ index }: MessageRow): boolean {
  return index <= MESSAGE_ID_MAX;
}

function noNumber(): ChatError {
  const text = `Cannot show the messages as a message_id is an int32, and the log is longer than ` +
    `${MESSAGE_ID_MAX}: read them with a client of this version`;
  return new ChatError("INVALID_ARGUMENT", text, { field: "message_id" });
}

function toOriginal({ from, body, index, sentAtMs }: MessageRow): OriginalMessage {
  return { from, message: body, messageId: index, sentAtMs };
}
