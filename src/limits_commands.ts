/**
 * The limits of what only commands do: interactive chat, bench, simulate. A part of `limits.ts`,
 * through which they are read; owns nothing that a node or a library needs.
 *
 * @module
 */

/** See `limits` in `limits.ts`. */
export const commandLimits = {
  /** How long listed servers are tried before those that their cluster had earlier, ms. */
  listedServersMs: 1_500,
  /** Messages of one `history` command: it holds them in memory. */
  historyLinesMax: 10_000,
  /** What `listen` has seen is kept on disk this often, ms; a crash repeats at most so much. */
  cursorKeepMs: 50,
  /** Ids that it keeps: enough for what a merge of two histories repeats soon after. */
  cursorIdsKept: 256,

  /** Lines of one conversation that an interactive chat keeps; older ones can be loaded again. */
  conversationLinesMax: 1_000,
  /** Unread messages of one person that it counts; more are told as more than that. */
  unreadShownMax: 999,
  /** Messages that were not accepted, as it ends, of which it tells the text. */
  unsentShownMax: 100,
  /** Conversations that it keeps; those used last. */
  conversationsMax: 100,
  /** Longest that it waits for what was typed to be accepted once its terminal or input ended, ms. */
  chatSettleMsMax: 30_000,
  /** By then it has stopped for Ctrl-Z, ms; or it cannot (no shell could go on with it), and goes on. */
  chatStopMsMax: 200,
  /** Older messages that it loads at once. */
  chatHistoryLines: 50,
  /** People that it lists: more do not fit a screen, and are found by name. */
  peopleShownMax: 1_000,
  /** Pause between two looks at who is online, ms. */
  peopleRefreshMs: 3_000,
  /** How soon what was shown is acknowledged, ms: several at once. */
  acknowledgeMs: 500,
  /** Bytes of a line of stdin: as a request may have, far above any message. */
  inputLineBytesMax: 256 * 1024,
  /** Lines typed earlier that can be called back. */
  inputHistoryLines: 100,
  /** Characters of a line being typed: a pasted file must not stall the terminal. */
  inputLengthMax: 16_384,

  /** Requests that `bench` has on their way at once. */
  benchConcurrencyMax: 1_024,
  /** Messages of one `bench`: it remembers the id of each. */
  benchMessagesMax: 5_000_000,
  /** Accounts that it makes: each costs two password hashes. */
  benchUsersMax: 256,
  /** Bytes of its smallest message: the number in it must fit. */
  benchBodyBytesMin: 16,

  /** Schedules of one simulation: hours of it. */
  simulateRunsMax: 1_000_000,
  /** Operations and faults in one simulated schedule: longer ones find no more and shrink badly. */
  simulateStepsMax: 200,
  /** Voters of a simulated cluster at its start. */
  simulateNodesMax: 9,
  /** Schedules of one campaign that are kept since they could not be judged: enough to look into. */
  simulateUndecidedKept: 20,
  /** Processes that share one simulation: more than cores help nobody. */
  simulateJobsMax: 256,
} as const;
