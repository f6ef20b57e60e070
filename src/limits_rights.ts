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
} as const;
