/**
 * All reads of the replicated state that services may make, in one place.
 *
 * @module
 */

export {
  type Account,
  accountById,
  type AccountPage,
  accountsNamed,
  type DecidedRequest,
  findAccountByName,
  findAdminTokenHash,
  findOutcome,
  findSession,
  listAccounts,
  listSessions,
  openSessions,
  type Session,
  sessionById,
} from "./account_queries.ts";
export {
  conversation,
  type ConversationRange,
  inbox,
  type MessagePage,
  type MessageRow,
  messagesTo,
  receivedAt,
  resolveAckUpTo,
} from "./message_queries.ts";
export { listSalvaged, type SalvagePage, type SalvageRow } from "./salvage_queries.ts";
