/**
 * Every limit of the program, with its unit and what goes wrong without it. Nothing queues,
 * buffers, retries or grows without a bound from here.
 *
 * @module
 */

import { commandLimits } from "./limits_commands.ts";
import { rightsLimits } from "./limits_rights.ts";
import { wireLimits } from "./limits_wire.ts";

/** All limits. Names end in their unit. */
export const limits = {
  ...rightsLimits,
  /** Characters of an account name. */
  nameLengthMax: 64,
  passwordLengthMin: 8,
  /** scrypt's cost grows with it; longer ones are a way to burn a node's CPU. */
  passwordLengthMax: 256,
  /** UTF-8 bytes of a message body: one message must fit a log batch many times over. */
  bodyBytesMax: 64 * 1024,
  /** Ids in one acknowledgement: one command must stay short to apply. */
  ackIdsMax: 1_000,
  /** Rows a page holds if the caller does not say. */
  pageRowsDefault: 100,
  /** A longer page would block the event loop for more than a few ms. */
  pageRowsMax: 500,
  /** UTF-8 bytes of bodies in one page: an answer must stay below gRPC's 4 MiB. */
  pageBodyBytesMax: 1024 * 1024,
  /** Accounts that bore one name, one after another, whose messages a conversation shows. */
  nameOwnersMax: 16,
  /**
   * Messages of deleted accounts moved with each command: bounds how long one batch takes. Part
   * of the replicated state machine: nodes of one cluster must agree on it.
   */
  deletedMessagesPerCommand: 32,
  /** Positions a subscriber may offer: one a term; older ones would only fetch more again. */
  positionsMax: 16,

  /** Bytes of entries in one append: keeps one message's handling to a few ms. */
  appendBytesMax: 1024 * 1024,
  /** Entries in one append. */
  appendEntriesMax: 1_024,
  /** Appends on their way to one peer: hides a round trip without flooding a slow disk. */
  appendsInFlightMax: 64,
  /** Entries that the core keeps in memory; older ones are read from disk for slow peers. */
  logMemoryEntriesMax: 4_096,
  /** Bytes of command data that the core keeps in memory. */
  logMemoryBytesMax: 16 * 1024 * 1024,
  /** Entries kept after compaction, so that a node that was away briefly needs no snapshot. */
  logTailEntries: 10_000,
  /** Entries applied in one transaction: bounds how long it blocks the event loop. */
  applyEntriesMax: 256,
  /** Partings that a config remembers: each is a last resort; sides differ in the newest few. */
  partingsMax: 16,
  /** Term starts in one message: one an election; more is older than any useful tail. */
  termStartsMax: 256,

  /** Messages that wait for a write before they are sent: a hung disk must not fill the memory. */
  heldMessagesMax: 16_384,
  /** Entries between two checkpoints of the state: each costs an fsync, each lets the log shrink. */
  checkpointEntries: 1_000,
  /** Prepared statements that one connection keeps: each takes some KiB of native memory. */
  statementsKept: 64,
  /** A database that was not used for so long, ms, gives back the memory of its caches. */
  databaseRestMs: 5_000,
  /** Longest time between two checkpoints while entries are being applied, ms. */
  checkpointIntervalMs: 10_000,
  /** Joins, transfers and removals that wait for the core's answer. */
  requestsPendingMax: 64,
  /** Free bytes below which a leader takes no writes: a full disk would stop it. */
  diskReserveBytes: 256 * 1024 * 1024,
  /** The same as a share of a small disk. */
  diskReserveShare: 1 / 16,
  /** Times the reserve that must be free before it takes writes again. */
  diskClearFactor: 1.25,
  /** Time between two looks at the disk, ms: what is written meanwhile comes off the reserve. */
  diskLookMs: 250,
  /**
   * How long a writer is asked to wait while the leader's disk has no room, ms: several looks. Sooner
   * it would ask for the same in vain; much later, and it would write long after there is room.
   */
  diskRetryMs: 1_000,
  /** Least time between two attempts of a leader without room to hand over, ms. */
  diskHandOverMs: 10_000,
  /** Callers that wait until an index is applied or a read is safe. */
  waitsPendingMax: 10_000,
  /** Longest that a linearizable read waits for the leader's lease, ms. */
  readWaitMsMax: 2_000,

  /** Proposals that wait for their commit: above it a node answers OVERLOADED. */
  proposalsPendingMax: 4_096,
  /** Of these, those on their way at once: whoever comes later waits for all of them. */
  proposalsBegunMax: 128,
  /** How long a refused writer is asked to wait before it tries again, ms. */
  overloadRetryMs: 50,
  /** Bytes of commands that wait for their commit. */
  proposalBytesPendingMax: 32 * 1024 * 1024,
  /** Messages buffered for one subscriber: above it, SLOW_CONSUMER. */
  subscriberBufferMax: 1_024,
  /** Open subscriptions on one node. */
  subscriptionsMax: 10_000,
  /** Bytes of one snapshot chunk. */
  snapshotChunkBytes: 256 * 1024,
  /** Bytes of one row in a snapshot: the longest body twice, as hex, and room for the rest. */
  snapshotRowBytesMax: 1024 * 1024,
  /**
   * Bytes of the state's write-ahead log that open snapshots may hold back: above it they are
   * closed, and whoever reads them begins again, since a slow reader must not fill the disk.
   */
  stateWalBytesMax: 512 * 1024 * 1024,
  /** Bytes queued to one peer before messages to it are dropped (the protocol resends). */
  peerQueueBytesMax: 16 * 1024 * 1024,
  /** Longest that a session read waits until the node has caught up, ms. */
  catchUpWaitMsMax: 2_000,
  /** Longest that a mutation waits for its commit if the caller's deadline is further, ms. */
  commitWaitMsMax: 30_000,
  /** A subscription's heartbeat, ms: half of the 2 s that clients may count on. */
  subscriptionHeartbeatMs: 1_000,
  /**
   * A member that has known no leader for this time ends its subscriptions, ms: beyond any
   * election, and soon enough for a person whose friends write at the other members.
   */
  subscriptionAloneMsMax: 3_000,
  /** Time after which a subscriber that was cut off or turned away may come back, ms. */
  subscriptionRetryMs: 200,
  /** A call within this time counts as online, ms. */
  onlineAfterCallMs: 30_000,
  /** SIGTERM to exit, ms. */
  shutdownMsMax: 5_000,
  /** scrypt runs at once on one node, and on half of its cores: each takes 128 MiB x N/2^17. */
  passwordHashesMax: 4,

  /** A call of an original client, which has no deadline: after it nobody waits any more, ms. */
  originalCallMsMax: 20_000,
  /** Of which it waits for an election, ms: no client should have to try all its addresses twice. */
  originalElectionMsMax: 3_000,
  /** Original clients that wait for an election at one node: others are sent on at once. */
  originalWaitingMax: 1_000,
  /** Calls of one account that wait for those before them to become received. */
  originalTurnsMax: 64,
  /** UTF-8 bytes of bodies for an original client, but for one page: it knows no pages. */
  originalBodyBytesMax: 2 * 1024 * 1024,
  /** Users that an original client is shown: the first ones by name. */
  originalUsersMax: 20_000,

  /** Addresses in one list on a command line: more members than any cluster should have. */
  addressesMax: 64,
  /** Longest `--timeout` of a command, s: a day; longer is a forgotten terminal. */
  commandSecondsMax: 86_400,
  /** Longest that an admin command waits for one node's answer, ms: a dead one must not stop it. */
  adminCallMsMax: 3_000,
  /** Pause between two looks at a cluster that is waited for, ms. */
  adminPollMs: 100,
  /** Longest heartbeat, failure timeout or isolation grace, ms: an hour without a failover. */
  policyMsMax: 3_600_000,
  /** Lines of a child node's log that are kept to say why it failed. */
  nodeLogLinesKept: 200,
  /** Files that a node must be able to open: some 25 for itself, the rest for whoever talks to it. */
  nodeFilesMin: 64,
  /** Longest that a child node may take to serve, ms: it may have to catch up first. */
  nodeStartMsMax: 30_000,
  /** Longest that the demo waits for a message that was acknowledged to arrive, ms. */
  demoArrivalMsMax: 10_000,

  /** Time without an apply after which a node counts as at rest, ms. */
  restMs: 10_000,
  /** Applies that are a load: after fewer, collecting garbage at rest costs more than it gives. */
  restAppliesMin: 1_000,

  /** Accounts in one presence frame: keeps one frame's handling to a few ms. */
  presenceAccountsMax: 2_000,
  /** Accounts whose last seen time one node remembers of itself, and of each peer. */
  presenceKnownMax: 50_000,
  /** Changes of presence are gathered this long before the peers are told, ms. */
  presenceGatherMs: 100,
  /** Logins whose check waits for one of the running ones: above it, OVERLOADED. */
  passwordHashesWaitingMax: 256,
  /** Sessions that one node remembers to have checked, so that a call needs no query for it. */
  sessionsKnownMax: 20_000,
  /** Sessions looked up in one statement. */
  sessionsCheckedMax: 500,
  /** Least time between two checks of all known sessions against the state, ms. */
  sessionCheckMs: 100,
  /** Time between two attempts to connect to a peer that is down, ms: two refusals mean gone. */
  redialMs: 25,
  /** Attempts at that pace, about a second; then slower, until the peer is heard of. */
  redialsQuickMax: 40,
  redialSlowMs: 200,
  /** Time before a peer that said no is asked again, ms. */
  redialRejectedMs: 1_000,
  /** Longest that one member may take to answer a join, ms. */
  joinAskMsMax: 2_000,
  /** Longest that a node with damaged data looks for a member that has a leader, ms. */
  damageAskMsMax: 10_000,
  /** Longest that it waits for the library to let go of its closed files, ms. */
  damageCloseMsMax: 2_000,
  /** Pause between two looks at that, ms. */
  damageCloseMs: 20,
  /** Times that one process begins again with its node after damage: more is a broken disk. */
  damageRestartsMax: 3,
  /** Time before the members are asked again, if none took a joiner in, ms. */
  joinRetryMs: 250,
  /** The same after several tries: a member that is alone for days must not burn its CPU. */
  joinRetryMsMax: 4_000,
  /** Pause between two looks at whether this node is still a member, ms. */
  joinWatchMs: 250,
  /** Time in which a member that took a joiner in must show it by an append, ms. */
  joinTakenMs: 3_000,
  /** Pause between two looks at whether a join is done, ms. */
  joinPollMs: 20,
  /** A node with data that is not ready by then asks to be taken in again, ms. */
  rejoinAfterMs: 3_000,
  /** Between a closing port's last answer and the end of its connections, ms. */
  lastBytesMs: 20,
  /** Of `shutdownMsMax`, what is kept for closing files and ports, ms. */
  closeMsMax: 1_000,
  /** Peers with a link to one node: more than any cluster should have. */
  peersMax: 64,
  /** Frames held for one peer while its link is being dialled. */
  heldFramesMax: 256,
  /** A link from which nothing comes for so long is given up, ms: members ping all the time. */
  linkSilenceMsMax: 5_000,
  /** Time in which an older start of a node shows that it still lives, ms: a copied directory. */
  olderStartAnswersMs: 500,
  /** Time in which an address of `--join` shows that it is another cluster's, ms. */
  otherClusterAnswersMs: 500,
  /** A snapshot that nobody reads is closed after this, ms: it holds the database's history. */
  snapshotIdleMsMax: 60_000,
  /** Snapshots being served at once: each holds a read transaction. */
  snapshotsServedMax: 2,
  /**
   * A reader that has taken nothing for so long gives its place to who asks for one, ms: more than
   * all attempts to take a broken stream up again, and than a chunk takes over 30 KB/s.
   */
  snapshotStalledMsMin: 10_000,
  /** Times that a file of a closed database is asked for while the system says that it is in use. */
  freeTriesMax: 20,
  /** Time between them, ms: what was collected is let go of in a turn of the event loop. */
  freeRetryMs: 50,
  /** Backups that one node gives at once: each holds a read transaction, and reads every row. */
  backupsGivenMax: 1,
  /** Longest pause after a chunk of a backup, which is as long as the chunk took, ms. */
  backupPauseMsMax: 100,
  /** Longest that a member waits until it has applied what a backup must have, ms. */
  backupWaitMsMax: 10_000,
  /** Term starts in one part of a backup: an answer must stay below `answerBytesMax`. */
  backupTermsPerPart: 4_096,
  /** Bytes of one part in a backup file: what claims to be longer is damage, not a part. */
  backupPartBytesMax: 2 * 1024 * 1024,
  /**
   * Term starts in a backup, which its reader holds: more would be an election a minute for two
   * years. One that has more is refused, already when it is taken.
   */
  backupTermStartsMax: 1_000_000,
  /**
   * Bytes of a file that a node or a client keeps beside its databases: several times the longest,
   * which holds the ids that a client has seen. What is longer counts as damaged, and is not read.
   */
  keptFileBytesMax: 4 * 1024 * 1024,
  /** Times that a backup is begun anew because the member that gave it failed. */
  backupAttemptsMax: 8,
  /** Time before the members are asked again, if one could not give a backup, ms. */
  backupRetryMs: 500,
  /** Chunks of a served snapshot kept for a reader that comes back. */
  snapshotChunksKept: 16,
  /** Times that a broken snapshot fetch is taken up again before the core is told. */
  snapshotResumesMax: 8,
  /** Commands in one step of a hand-over to another side (§9): they commit together. */
  handOverCommandsMax: 256,
  /** Term starts in one question for the last index in common: some 250 KB, far below a message. */
  handOverTermsMax: 4_096,
  /**
   * Requests in one question whether they are known on the other side, and indexes in one look for
   * them: some 40 KB, and no more of them in memory, however long a side went on.
   */
  handOverRequestsMax: 1_000,
  /** Longest that a step of a hand-over waits for its commit, ms. */
  handOverWaitMsMax: 10_000,
  /** Time before a failed hand-over is tried again, ms; doubles up to the bound after it. */
  handOverRetryMs: 250,
  handOverRetryMsMax: 30_000,
  /** Time before a failed snapshot is fetched anew, ms; doubles up to the bound after it. */
  snapshotRetryMs: 250,
  /** A member that waits for its snapshot does not campaign: no longer than a person would wait. */
  snapshotRetryMsMax: 4_000,
  /** Time before a broken snapshot fetch is taken up again, ms. */
  snapshotResumeMs: 250,

  /** Addresses that a client remembers; above it the most useless learned one goes. */
  addressesKnownMax: 256,
  /** How long a client avoids an address that gave no answer, ms; doubles with each failure. */
  skipMs: 100,
  /** Longest such time, ms: a node that came back must be found again soon. */
  skipMsMax: 2_000,
  /** A whole call with all its attempts, if the caller does not say, ms. */
  callMsDefault: 30_000,
  /** One attempt at a mutation, ms: after it the connection itself is in doubt. */
  attemptMsMax: 5_000,
  /** The same where a password is checked: another attempt would cost another check. */
  passwordAttemptMsMax: 30_000,
  /** One attempt at a read, ms: longer than a member waits to catch up. */
  readAttemptMsMax: 3_000,
  /** A read without an answer is made at a second member too after this, ms. */
  readHedgeMs: 300,
  /** Longest wait for GetCluster, ms. */
  askMsMax: 1_000,
  /** Characters told of what is in the way at one server: a line names three of them. */
  silenceTextLengthMax: 160,
  /** A mutation without an answer makes the client look for a newer leader after this, ms. */
  slowMs: 250,
  /** Longest time between two such looks while answers stay out, ms. */
  slowPauseMsMax: 500,
  /** Time between two looks at the requests in flight, ms: the precision of their limits. */
  flightCheckMs: 100,
  /** Backoff of a client's call: full jitter below a bound that doubles from here, ms. */
  backoffMs: 10,
  /** Highest such bound, ms. Whoever waits is woken sooner when a leader is found. */
  backoffMsMax: 400,
  /** Leader hints that one call follows without a pause: more are a circle. */
  hopsMax: 4,
  /** Mean time between two rounds of a client's search for a leader, ms; grows while it lasts. */
  searchMs: 25,
  /** Highest such time, ms: thousands of clients must not keep a cluster from electing. */
  searchMsMax: 400,
  /** Members asked in one round of that search. */
  searchMembers: 2,
  /** How often an interactive client looks whether there is a leader, ms. */
  watchMs: 1_000,
  /** A subscription that is silent for longer has lost its member, ms (heartbeats: 2 s). */
  subscriptionSilenceMsMax: 3_000,
  /** A subscription's deadline, ms: it is renewed then, so that none outlives its client. */
  subscriptionMsMax: 3_600_000,
  /** Longest pause before a subscription tries the next member, ms. */
  resubscribeMsMax: 1_000,
  /** Ids of messages that a subscriber remembers to drop repeats: some 2 MiB. */
  seenIdsMax: 16_384,
  /** Messages that wait to be sent: above it the writer must wait. */
  outboxMessagesMax: 1_024,

  ...wireLimits,
  ...commandLimits,
} as const;
