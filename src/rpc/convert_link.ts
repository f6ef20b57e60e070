/**
 * What travels on a link between its wire form and its inner one: hellos, and frames with
 * replication messages or presence.
 *
 * @module
 */

import { limits } from "../limits.ts";
import { messageFromWire, messageToWire } from "./convert_message.ts";
import { v1 } from "./gen/messages.js";
import type { Frame, Hello, Presence } from "./peer_api.ts";
import {
  decode,
  type Form,
  form,
  integer,
  invalid,
  present,
  text,
  timeFromWire,
  timeToWire,
} from "./wire.ts";

/** A hello, which must be there; the version is the caller's to check. */
function helloFromWire(wire: v1.Hello | null | undefined): Hello {
  const hello = present(wire, "hello");
  return {
    nodeId: text(hello.nodeId, "hello.node_id"),
    clusterId: hello.clusterId,
    incarnation: integer(hello.incarnation, "hello.incarnation"),
    previousIncarnation: integer(hello.previousIncarnation, "hello.previous_incarnation"),
    peerAddress: hello.peerAddress,
    clientAddress: hello.clientAddress,
    protocolVersion: hello.protocolVersion,
    toNodeId: hello.toNodeId,
  };
}

/** Any frame. */
function frameToWire(frame: Frame): v1.Frame {
  if (frame.kind === "raft") return messageToWire(frame.message);
  const { complete, accounts, usedSessions = [] } = frame.presence;
  return {
    presence: {
      complete,
      accounts: accounts.map(({ accountId, online, lastSeenMs }) => ({
        accountId,
        online,
        lastSeen: timeToWire(lastSeenMs),
      })),
      usedSessions: [...usedSessions],
    },
  };
}

/** Frames in their order, without those of kinds that are not known here. */
function framesFromWire(wire: readonly v1.Frame[]): Frame[] {
  const frames: Frame[] = [];
  for (const each of wire) {
    if (each.presence) {
      frames.push({ kind: "presence", presence: presenceFromWire(each.presence) });
    } else {
      const message = messageFromWire(each);
      if (message !== null) frames.push({ kind: "raft", message });
    }
  }
  return frames;
}

function presenceFromWire(wire: v1.Presence): Presence {
  if (wire.accounts.length > limits.presenceAccountsMax) {
    throw invalid("presence.accounts", `there are more than ${limits.presenceAccountsMax}`);
  }
  const accounts = wire.accounts.map(({ accountId, online, lastSeen }) => ({
    accountId: text(accountId, "presence.accounts.account_id"),
    online,
    lastSeenMs: timeFromWire(lastSeen, "presence.accounts.last_seen"),
  }));
  if (wire.usedSessions.length > limits.usedSessionsMax) {
    throw invalid("presence.used_sessions", `there are more than ${limits.usedSessionsMax}`);
  }
  const used = wire.usedSessions.length === 0 ? {} : { usedSessions: [...wire.usedSessions] };
  return { complete: wire.complete, accounts, ...used };
}

/** The acceptor's hello, all that it ever sends. */
export const linkResponse: Form<Hello> = form(v1.LinkResponse, {
  toWire: (hello) => ({ hello }),
  fromWire: ({ hello }) => helloFromWire(hello),
});

/** What the dialler sends: its hello alone, then frames. */
export type LinkRequest =
  | { readonly kind: "hello"; readonly hello: Hello }
  | { readonly kind: "frames"; readonly frames: readonly Frame[] };

/**
 * A message of the dialler. The bytes of several with frames, one after the other, are those of
 * one message with all their frames: that is how repeated fields are defined.
 */
export const linkRequest: Form<LinkRequest> = {
  toBytes: (request) => {
    const wire = request.kind === "hello"
      ? { hello: request.hello, frames: [] }
      : { frames: request.frames.map(frameToWire) };
    return v1.LinkRequest.encode(wire).finish();
  },
  fromBytes: (bytes) => {
    const { hello, frames } = decode(v1.LinkRequest, bytes);
    if (!hello) return { kind: "frames", frames: framesFromWire(frames) };
    if (frames.length > 0) throw invalid("frames", "a hello comes alone");
    return { kind: "hello", hello: helloFromWire(hello) };
  },
};
