/**
 * Reading a whole conversation from one node, asked of that node alone. Owns the paging; what is
 * made of it is each test's.
 *
 * @module
 */

import type { ChatApi, Message } from "../../src/rpc/api.ts";

const CALL_MS_MAX = 5_000;
const PAGE = 500;

/** All messages between the owner of the token and another account, as that node has them. */
export async function conversation(
  connection: Pick<ChatApi, "getChat">,
  { token, other }: { readonly token: string | undefined; readonly other: string },
): Promise<readonly Message[]> {
  const messages: Message[] = [];
  for (let before: string | undefined, more = true; more;) {
    const request = { with: other, limit: PAGE, ...(before ? { before } : {}) };
    const deadlineMs = Date.now() + CALL_MS_MAX;
    const signal = AbortSignal.timeout(CALL_MS_MAX);
    const page = await connection.getChat(request, { token, deadlineMs, signal });
    messages.push(...page.messages);
    before = page.messages[0]?.position;
    more = page.more && before !== undefined;
  }
  return messages;
}
