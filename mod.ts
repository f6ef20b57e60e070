/**
 * Jmessage as a library: a client that outlives its servers, and a node to run inside a program.
 * Owns nothing but this choice of names; everything else is internal and may change.
 *
 * ```ts
 * import { openChat, startNode } from "./mod.ts";
 *
 * const node = await startNode({
 *   data: "./jmessage-data",
 *   listen: "127.0.0.1:0",
 *   peerListen: "127.0.0.1:0",
 * });
 * await node.ready;
 *
 * const ann = openChat({ servers: [node.listen] });
 * const bob = openChat({ servers: [node.listen] });
 * for (const [client, name] of [[ann, "ann"], [bob, "bob"]] as const) {
 *   await client.createAccount(name, "a long password");
 *   await client.login(name, "a long password");
 * }
 *
 * await ann.send("bob", "Hello, Bob!");
 * for await (const message of bob.subscribe({ fromUnacknowledged: true })) {
 *   console.log(`${message.from}: ${message.body}`);
 *   await bob.acknowledge({ ids: [message.id] });
 *   break;
 * }
 *
 * ann.close();
 * bob.close();
 * await node.stop();
 * ```
 *
 * @module
 */

export {
  ChatClient,
  type ChatClientOptions,
  type ClientState,
  type MutationOptions,
  type StateListener,
} from "./src/client/chat_client.ts";
export type { ClientClock } from "./src/client/clock.ts";
export type { Connect, Connection } from "./src/client/connection.ts";
export type { CursorState } from "./src/client/cursor.ts";
export type { Deadline } from "./src/client/deadline.ts";
export type { CallOptions } from "./src/client/job.ts";
export { openChat, type OpenOptions } from "./src/client/open.ts";
export type { Renew, SessionState } from "./src/client/session.ts";
export type { SubscribeOptions, Subscription } from "./src/client/subscription.ts";
export { ChatError, type ChatErrorOptions, isReason, type Reason, REASONS } from "./src/errors.ts";
export type { NodeOptions } from "./src/node/config.ts";
export { createLogger, type Logger, type LoggerOptions } from "./src/node/logger.ts";
export { type NodeRole, type RunningNode, startNode } from "./src/node/node.ts";
export type { Policy } from "./src/raft/types.ts";
export type {
  ClusterMember,
  GetChatRequest,
  GetChatResponse,
  GetClusterResponse,
  Message,
  SendMessageResponse,
  User,
} from "./src/rpc/api.ts";
export {
  readMaterial,
  type ReadOptions,
  type TlsFiles,
  type TlsMaterial,
} from "./src/tls/material.ts";
