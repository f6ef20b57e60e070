/**
 * The limits of ports: connections, calls, streams, what they carry, and TLS. A part of `limits.ts`,
 * through which they are read.
 *
 * @module
 */

/** See `limits` in `limits.ts`. */
export const wireLimits = {
  /** Bytes of a request on the client port: the longest body, or the most ids, many times over. */
  requestBytesMax: 256 * 1024,
  /** Bytes of an answer: gRPC's usual bound, which other clients have too. */
  answerBytesMax: 4 * 1024 * 1024,
  /** Bytes of one message between nodes: a batch of a link, or a header with every term start. */
  peerMessageBytesMax: 16 * 1024 * 1024,
  /** Bytes of frames sent as one message: more would hold up the frames behind it. */
  linkBatchBytesMax: 1024 * 1024,
  /** Messages of a link handed to the connection at once: what comes meanwhile is batched. */
  linkWritesInFlightMax: 2,
  /** Longest from dialling a link to the other side's hello, ms: it may have to look around. */
  linkOpenMsMax: 10_000,
  /** Longest that an accepted link may stay without a hello, ms. */
  linkHelloMsMax: 5_000,
  /** Turns of the event loop that the headers of a call wait for the rest of it. */
  gatherTurnsMax: 4,
  /** Bytes written to a stream that its reader has not taken: then the source waits. */
  unreadBytesMax: 64 * 1024,
  /** Connections that wait to be accepted: a failover brings all clients at once. */
  connectBacklog: 511,
  /** Connections that clients hold at once; one address may hold half. Each costs a descriptor. */
  connectionsMax: 20_000,
  /** The same of the peer port: a few to each member, and what is not one yet. */
  peerConnectionsMax: 1_024,
  /** Connections that close between two collections of garbage: each leaves some 20 KiB. */
  connectionsCollected: 250,
  /** Descriptors that connections leave to files and calls of its own: a node without any stops. */
  descriptorsKept: 512,
  /** Longest from a connection to its first bytes, ms: who says nothing must not hold one. */
  greetingMsMax: 10_000,
  /**
   * Bytes that one connection may send without a whole request: parts of many, resets, pings. So
   * much is held of it at most, and a client that sends the longest messages has 256 at once.
   */
  looseBytesMax: 16 * 1024 * 1024,
  /** So many of them are forgiven each second: what belongs to no call adds up over days. */
  looseBytesPerSecond: 64 * 1024,
  /** Bytes of the same in all connections together; above it those with the most end. */
  looseBytesAllMax: 128 * 1024 * 1024,
  /** Time between two looks at what connections have sent, ms. */
  connectionLookMs: 100,
  /** Silence after which a connection is asked for a sign of life, ms: hosts vanish silently. */
  keepAliveMs: 30_000,
  /** Bytes on their way to a reader of answers or snapshots without a window update. */
  receiveWindowBytes: 1024 * 1024,
  /** A snapshot fetch with nothing for so long is broken off, ms. */
  snapshotStallMsMax: 15_000,
  /** First pause before a connection that failed is made again, ms: failover waits for it. */
  reconnectMs: 20,
  /** Longest such pause, ms. */
  reconnectMsMax: 150,
  /** Longest that the look at whether TLS works may take at a start, ms. */
  tlsProbeMsMax: 5_000,
  /** Time between two looks at whether the files of certificates were changed, ms. */
  certificateLookMs: 2_000,
  /** Days before a certificate expires from which on the log warns, each day. */
  certificateWarningDays: 30,
  /** Time after which the same refusal at a port is logged again, ms: strangers may come often. */
  refusalLogMs: 60_000,
  /** Refusals that are known to have been logged. */
  refusalsKept: 256,
  /** Longest TLS handshake, ms: who says nothing must not hold a connection. */
  tlsHandshakeMsMax: 10_000,
  /** Longest deadline of a call, ms: a day; timers do not reach much further. */
  callMsMax: 86_400_000,
  /** Calls and subscriptions open at once on one connection. */
  streamsPerConnectionMax: 256,
  /** Calls that wait or are carried out at once on one node: above it, OVERLOADED. */
  callsInFlightMax: 16_384,
  /** Bytes of their requests; and of those of one connection, which must not take all the room. */
  callBytesMax: 64 * 1024 * 1024,
  callBytesPerConnectionMax: 8 * 1024 * 1024,
  /** Calls begun in one turn of the event loop: between turns, whoever asks little comes first. */
  callsPerTurnMax: 32,
  /**
   * Calls open on all connections that are shared out among them, and what each may have in any case:
   * whoever has more is one of those who ask for much.
   */
  callsShared: 128,
  callsOfOneFew: 16,
  /**
   * Calls of all of these together that are carried out at once, and begun in one turn, while others
   * ask: a call takes a dozen turns, and each turn as long as what is done in it.
   */
  crowdCallsMax: 2,
  /** Longest that one of them keeps the next one waiting, ms. */
  crowdCallMsMax: 50,
  /** Time in which none of them begins after one is answered, ms. */
  crowdRestMs: 4,
  /** They are alone if nobody else has asked for so long, ms. */
  crowdAloneMs: 1_000,
  /** Turns that take longer, ms, begin fewer: large pages take as long as many small messages. */
  turnMsMax: 10,
  /** Bytes of their requests, for the same reason. */
  callBytesPerTurnMax: 256 * 1024,
  /** Characters of an error's text on the wire: it travels in headers, which have bounds. */
  errorTextLengthMax: 512,
  /** Health watches open on one node: each is told of every change. */
  healthWatchesMax: 256,

  /** Streams of reflection open at once, and the silence after which one is ended, ms. */
  reflectionStreamsMax: 64,
  reflectionIdleMsMax: 10_000,
  /** Connections of the HTTP port at once, and how long one may last, ms: each asks once. */
  httpConnectionsMax: 64,
  httpConnectionMsMax: 10_000,
} as const;
