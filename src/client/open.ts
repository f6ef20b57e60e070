/**
 * The client as programs get it: over gRPC, on the machine's clocks. Owns this one choice, so
 * that the client itself needs no transport to be tested.
 *
 * @module
 */

import { connect } from "../rpc/client.ts";
import type { TlsMaterial } from "../tls/material.ts";
import { ChatClient, type ChatClientOptions } from "./chat_client.ts";

/** What a program says: how to reach members only if it does that itself. */
export type OpenOptions =
  & Omit<ChatClientOptions, "connect">
  & Partial<Pick<ChatClientOptions, "connect">>
  & {
    /** TLS, with certificates as {@linkcode readMaterial} gives them; without: plain text. */
    readonly tls?: TlsMaterial | undefined;
  };

/** Opens a client; nothing is sent before its first call. Close it when done. */
export function openChat({ tls, ...options }: OpenOptions): ChatClient {
  const source = tls === undefined ? null : { current: () => tls };
  return new ChatClient({ connect: (address) => connect(address, source), ...options });
}
