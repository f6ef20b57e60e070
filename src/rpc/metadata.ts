/**
 * What travels beside requests and answers: the session's token, the positions for reading one's
 * own writes, the cluster's id. Owns the names of these headers; knows nothing of errors.
 *
 * @module
 */

import { Metadata } from "@grpc/grpc-js";
import { ChatError } from "../errors.ts";
import type { CallContext, ResponseInfo } from "./api.ts";
import { first } from "./status.ts";
import { invalid } from "./wire.ts";

const AUTHORIZATION = "authorization";
const SCHEME = "Bearer ";
const CLUSTER = "x-jmessage-cluster";
const POSITION = "x-jmessage-position";

const PLAIN = /^[ -~]*$/;

/** What a request carries: {@linkcode CallContext} without the time. */
export type Credentials = Pick<CallContext, "token" | "position">;

/** The metadata of a request. Throws `INVALID_ARGUMENT` for what no header can hold. */
export function requestMetadata({ token, position }: Credentials): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) {
    if (!PLAIN.test(token)) throw invalid("authorization", "the token is none of ours");
    metadata.set(AUTHORIZATION, SCHEME + token);
  }
  if (position !== undefined) {
    if (!PLAIN.test(position)) throw invalid("position", "it is none of ours");
    metadata.set(POSITION, position);
  }
  return metadata;
}

/** What a request carried. Throws `UNAUTHENTICATED` for another scheme than `Bearer`. */
export function credentialsOf(metadata: Metadata): Credentials {
  const authorization = first(metadata, AUTHORIZATION);
  return { token: tokenOf(authorization), position: first(metadata, POSITION) };
}

function tokenOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  // The scheme is compared without case, as RFC 9110 §11.1 says.
  if (authorization.slice(0, SCHEME.length).toLowerCase() === SCHEME.toLowerCase()) {
    return authorization.slice(SCHEME.length).trim();
  }
  throw new ChatError(
    "UNAUTHENTICATED",
    "Cannot read the authorization: it must be Bearer <token>",
  );
}

/** The headers of an answer. */
export function responseMetadata({ clusterId, position }: ResponseInfo): Metadata {
  const metadata = new Metadata();
  if (clusterId !== "") metadata.set(CLUSTER, clusterId);
  if (position !== "") metadata.set(POSITION, position);
  return metadata;
}

/** What the headers of an answer say; empty texts where they say nothing. */
export function responseInfoOf(metadata: Metadata | undefined): ResponseInfo {
  if (metadata === undefined) return { clusterId: "", position: "" };
  return {
    clusterId: first(metadata, CLUSTER) ?? "",
    position: first(metadata, POSITION) ?? "",
  };
}
