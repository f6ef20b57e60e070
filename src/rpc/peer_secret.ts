/**
 * The cluster secret on the peer port: what nodes show each other where TLS does not say who they
 * are. Owns what of the secret travels (a key that is derived from it, for the secret may be good
 * elsewhere too) and that it is compared in constant time. It keeps out whoever can reach the port;
 * against whoever reads along or answers in a node's place there is TLS.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Metadata } from "@grpc/grpc-js";
import { ChatError } from "../errors.ts";
import { requestMetadata } from "./metadata.ts";
import type { PeerTls } from "./peer_tls.ts";

/** Derived keys, and who is told of those that had none. */
export interface PeerSecret {
  /** Shown to whoever is dialled. */
  readonly shown: string;
  /** Each of these is believed: while the secret is changed there are two. */
  readonly accepted: readonly string[];
  /** Told once for each call that is refused. */
  readonly refused: (from: string, why: string) => void;
}

/** How nodes know each other; with neither, everybody is believed. */
export interface PeerTrust {
  readonly tls: PeerTls | null;
  readonly secret: PeerSecret | null;
}

/** Keys of the secrets; the first one is shown. */
export function peerSecretOf(
  secrets: readonly [string, ...string[]],
  refused: PeerSecret["refused"],
): PeerSecret {
  const accepted = secrets.map((secret) =>
    createHmac("sha256", secret).update("jmessage.v1 peer port").digest("hex")
  );
  return { shown: accepted[0] ?? "", accepted, refused };
}

/** What a call carries; nothing without a secret. */
export function secretMetadata(secret: PeerSecret | null): { readonly metadata?: Metadata } {
  return secret === null ? {} : { metadata: requestMetadata({ token: secret.shown }) };
}

/** Throws `UNAUTHENTICATED` unless a caller knows the secret, if there is one. */
export function admitSecret(
  secret: PeerSecret | null,
  { token = "", from = "a node" }: { readonly token?: string | undefined; readonly from?: string },
): void {
  if (secret === null) return;
  // Every one is looked at: which it was must not show either.
  const same = secret.accepted.map((key) => isSame(key, token));
  if (same.includes(true)) return;
  const why = token === ""
    ? "it showed no cluster secret"
    : "it showed another cluster secret than this node's";
  secret.refused(from, why);
  const text = `Not let in: ${why}; give every node the same --cluster-secret-file`;
  throw new ChatError("UNAUTHENTICATED", text);
}

/** Of the same length in any case: what is shown is hashed anew under the key. */
function isSame(key: string, shown: string): boolean {
  const digest = (text: string) => createHmac("sha256", key).update(Buffer.from(text)).digest();
  return timingSafeEqual(digest(key), digest(shown));
}
