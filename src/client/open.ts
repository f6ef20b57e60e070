/**
 * The client as programs get it: over gRPC, on the machine's clocks. Owns this one choice, so
 * that the client itself needs no transport to be tested.
 *
 * @module
 */

import { connect } from "../rpc/client.ts";
import { ChatClient, type ChatClientOptions } from "./chat_client.ts";

/** Opens a client; nothing is sent before its first call. Close it when done. */
export function openChat(
  options: Omit<ChatClientOptions, "connect"> & Partial<Pick<ChatClientOptions, "connect">>,
): ChatClient {
  return new ChatClient({ connect, ...options });
}
