/**
 * Messages and users as chat commands print them: JSON for programs, lines for people. Owns
 * the forms; whatever came from others is made printable here.
 *
 * @module
 */

import { limits } from "../limits.ts";
import type { Message, SessionInfo, User } from "../rpc/api.ts";
import { printable, table } from "./text.ts";

/** The stable JSON form of a message. */
export function messageJson(message: Message): object {
  const { id, seq, position, from, to, body, sentAtMs, acknowledged } = message;
  const sentAt = new Date(sentAtMs).toISOString();
  return { id, seq, position, from, to, body, sentAt, acknowledged };
}

/** One message on one line, with the day if it is not today's. */
export function messageLine(message: Message, nowMs: number): string {
  const { from, to, body } = message;
  const time = timeText(message.sentAtMs, nowMs);
  return `${time}  ${printable(from)} to ${printable(to)}: ${printable(body)}`;
}

/** What its author is told of what was not accepted, and is nowhere else. */
export function unsentText(
  count: number,
  messages: readonly { readonly to: string; readonly body: string }[],
): string {
  const shown = messages.slice(-limits.unsentShownMax);
  const head = `${count} ${
    count === 1 ? "message was" : "messages were"
  } not accepted when you left`;
  const rest = count > shown.length ? [`and ${count - shown.length} before`] : [];
  const lines = shown.map(({ to, body }) => `  to ${printable(to)}: ${printable(body)}`);
  return [`${[head, ...rest].join(", ")}:`, ...lines].join("\n");
}

/** `14:05`, or `2030-01-31 14:05` of another day; local time. */
export function timeText(ms: number, nowMs: number): string {
  const date = new Date(ms);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return date.toDateString() === new Date(nowMs).toDateString() ? time : `${day} ${time}`;
}

/** Everyone, one a row. */
export function usersTable(users: readonly User[], nowMs: number): string {
  return table(
    ["user", "state", "last seen"],
    users.map(({ name, online, lastSeenMs }) => [
      name,
      online ? "online" : "offline",
      lastSeenMs === null ? "" : timeText(lastSeenMs, nowMs),
    ]),
  );
}

/** The open sessions of an account, one a row. */
export function sessionsTable(sessions: readonly SessionInfo[], nowMs: number): string {
  const day = (ms: number | null, none: string) => ms === null ? none : timeText(ms, nowMs);
  return table(
    ["session", "since", "last used", "ends unless used", ""],
    sessions.map(({ id, createdAtMs, usedAtMs, expiresAtMs, current }) => [
      id,
      timeText(createdAtMs, nowMs),
      day(usedAtMs, ""),
      day(expiresAtMs, "never"),
      current ? "this one" : "",
    ]),
  );
}

/** A session for programs. */
export function sessionJson({ id, createdAtMs, usedAtMs, expiresAtMs, current }: SessionInfo) {
  const time = (ms: number | null) => ms === null ? null : new Date(ms).toISOString();
  return {
    id,
    createdAt: time(createdAtMs),
    lastUsed: time(usedAtMs),
    expiresAt: time(expiresAtMs),
    current,
  };
}
