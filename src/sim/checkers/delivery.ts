/**
 * `Delivery`: a subscriber sees each of its messages exactly once, in log order, without a gap,
 * across any reconnect to any member.
 *
 * @module
 */

import type { History } from "../history.ts";
import { type Checker, isForked, type Report } from "./checker.ts";

export const delivery: Checker = {
  name: "Delivery",
  holdsAcrossForks: true,
  begin(whole) {
    const forked = isForked(whole);
    const delivered = new Map<number, { readonly id: string; readonly index: number }[]>();
    return {
      onEvent(event, _disks, report) {
        if (event.kind !== "delivered") return;
        const { user, message } = event;
        const list = delivered.get(user) ?? [];
        delivered.set(user, list);
        if (list.some(({ id }) => id === message.id)) {
          report(`User ${user} gets ${message.id} twice`);
        }
        const last = list.at(-1)?.index ?? 0;
        // What came over from another side has another place there: it is told by its id.
        if (message.index <= last && !forked) {
          report(`User ${user} gets ${message.index} after ${last}`);
        }
        list.push(message);
      },
      onEnd(history, report) {
        const users = history.finals.flatMap(({ received }) => [...received.keys()]);
        for (const user of new Set([...users, ...delivered.keys()])) {
          compare(history, { user, list: delivered.get(user) ?? [] }, report);
        }
      },
    };
  },
};

/** What came must be all of what is there: up to the last that came, or to the end if judged. */
function compare(
  history: History,
  { user, list }: {
    readonly user: number;
    readonly list: readonly { readonly id: string; readonly index: number }[];
  },
  report: Report,
): void {
  const longest = history.finals
    .map(({ received }) => received[user] ?? [])
    .reduce((one, other) => other.length > one.length ? other : one, []);
  const accepted = history.events.some(({ kind }) => kind === "accepted");
  const all = history.judgeLiveness && accepted;
  if (isForked(history) && !all) return;
  const last = all ? Infinity : list.at(-1)?.index ?? 0;
  const expected = longest.filter(({ index }) => index <= last).map(({ id }) => id);
  const got = new Set(list.map(({ id }) => id));
  const missing = expected.find((id) => !got.has(id));
  if (missing !== undefined) {
    // Behind it came others: it was passed over. Else it may only be late.
    const passed = (list.at(-1)?.index ?? 0) > longest.find(({ id }) => id === missing)!.index;
    report(`User ${user} never gets ${missing}`, passed ? "safety" : "liveness");
  }
  // Whoever has it may be down for good, beyond what the policy survives.
  if (!accepted) return;
  const known = new Set(longest.map(({ id }) => id));
  const salvaged = history.finals.flatMap((final) => [...final.salvaged]);
  const extra = list.find(({ id }) => !known.has(id) && !salvaged.includes(id));
  if (extra !== undefined && longest.length > 0) {
    report(`User ${user} gets ${extra.id}, which is nowhere in the end`);
  }
}
