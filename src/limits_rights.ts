/**
 * The limits about who may do what: secrets, sessions and logins. A part of `limits.ts`, by way of
 * which they are used.
 *
 * @module
 */

/** See `limits`. */
export const rightsLimits = {
  /** Characters of the cluster secret: nobody must be able to try them all. */
  clusterSecretLengthMin: 32,
  /** Bytes of a file with a secret: a longer one is some other file. */
  secretFileBytesMax: 4_096,

  /** Days without use after which a session ends, if a node is not told otherwise. */
  sessionIdleDaysDefault: 30,
  /** Most such days: ten years are for ever. */
  sessionIdleDaysMax: 3_650,
  /** A use is written down if the last one that was is so long ago, ms: a write a day, not a call. */
  sessionRenewMs: 86_400_000,
  /** Time before that is tried again for the same session, ms. */
  sessionAskMs: 60_000,
  /** Such writes on their way at once: others come with a later call. */
  sessionRenewalsMax: 64,
  /** Used sessions that one presence frame tells of: the rest come with the next. */
  usedSessionsMax: 500,

  /** Wrong passwords for one account at once; then each has to wait. */
  loginFailuresMax: 10,
  /** Until one more, ms: some 14,000 tries a day. */
  loginFailureMs: 6_000,
  /** Wrong passwords from one address, behind which there may be many people. */
  addressFailuresMax: 100,
  /** Until one more, ms. */
  addressFailureMs: 1_000,
  /** Accounts, addresses and pairs of these that one node counts: each takes some 100 bytes. */
  loginsKnownMax: 20_000,
} as const;
