/**
 * Page tokens: where a page ended, as the text that a client gives back for the next one. They
 * name the last row shown, not a number of rows, so that nothing is shown twice or left out
 * when rows come and go between two pages.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";

/** Field at fault if a token was not made here. */
const field = "page_token";

/** Name key after which a page of accounts begins; the empty token begins the list. */
export function parseNameToken(token: string): string {
  const isKey = /^[a-z0-9_.-]*$/.test(token) && token.length <= limits.nameLengthMax;
  return isKey ? token : refuse(token);
}

/** Log index after which a page of messages begins; the empty token begins the list. */
export function parseIndexToken(token: string): number {
  if (token === "") return 0;
  const index = /^[1-9][0-9]{0,15}$/.test(token) ? Number(token) : NaN;
  return Number.isSafeInteger(index) ? index : refuse(token);
}

function refuse(token: string): never {
  throw new ChatError(
    "INVALID_ARGUMENT",
    `Cannot take the request as ${field} must be empty or from the page before: ` +
      `current value is ${JSON.stringify(token.slice(0, 80))}`,
    { field },
  );
}
