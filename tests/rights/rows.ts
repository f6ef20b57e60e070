/**
 * One attempt at each rpc, for the table of who may do what: what a caller gets, in the words of a
 * cell. Owns how an rpc is tried; what is right the table says.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash, randomUUID } from "node:crypto";
import { ChatError, type Reason } from "../../src/errors.ts";
import { newAdminToken } from "../../src/node/admin_access.ts";
import { connectPeer } from "../../src/rpc/peer_client.ts";
import type { Hello, LinkEnd, PeerClient } from "../../src/rpc/peer_api.ts";
import { callOnce, type OriginalCall } from "../support/original_client.ts";
import { type Caller, contextOf } from "./world.ts";

/** What an rpc comes to for a caller: a word of the table, or what it should never be. */
export type Attempt = (caller: Caller) => Promise<string>;

const chat = "ChatService/";
const admin = "AdminService/";
const cluster = "ClusterService/";
const original = "ClientAccount/";

/** `yes`, or the reason why not. */
async function outcome(
  call: Promise<unknown>,
  { unlike = [] }: { readonly unlike?: readonly Reason[] } = {},
): Promise<string> {
  try {
    await call;
    return "yes";
  } catch (thrown) {
    const { reason } = ChatError.from(thrown);
    // It was let in, and then what it asked for was not to be had.
    return unlike.includes(reason) ? "yes" : reason;
  }
}

/** `own` if only the one whose message it is sees it. */
async function sees(caller: Caller, ids: () => Promise<readonly string[]>): Promise<string> {
  try {
    const seen = (await ids()).includes(caller.messageId);
    return seen === (caller.kind === "user") ? "own" : "sees what is another's";
  } catch (thrown) {
    return ChatError.from(thrown).reason;
  }
}

async function firstFrame(caller: Caller): Promise<readonly string[]> {
  const request = { positions: [], fromUnacknowledged: true };
  for await (const frame of caller.connection.subscribe(request, contextOf(caller))) {
    return frame.kind === "message" ? [frame.message.id] : [];
  }
  throw new ChatError("NO_ANSWER", "it ended without a frame");
}

/** What a logout or a deletion ends: the caller's own session, and nobody else's. */
async function endsOwn(caller: Caller, call: () => Promise<unknown>): Promise<string> {
  const bystander = await caller.world.login(account().username);
  const came = await outcome(call());
  if (came !== "yes") return came;
  const ended = !await caller.world.isOpen(caller.token);
  return ended && await caller.world.isOpen(bystander) ? "own" : "ends another's";
}

/** What is told of another's session by its id; `null`: what is told of one that nobody has. */
async function namesAnothers(
  caller: Caller,
  call: (sessionId: string) => Promise<unknown>,
): Promise<string | null> {
  const token = await caller.world.login(account().username);
  const { sessions } = await caller.connection.listSessions({}, contextOf({ token }));
  const came = await outcome(call(sessions[0]?.id ?? ""));
  if (!await caller.world.isOpen(token)) return "ends another's";
  const ofNobody = await outcome(call(randomUUID()));
  if (came !== ofNobody) return `${came}, where one that nobody has is ${ofNobody}`;
  return came === "INVALID_ARGUMENT" ? null : came;
}

async function backup(caller: Caller): Promise<void> {
  const parts = caller.connection.backup({ atLeastIndex: 0 }, contextOf(caller));
  for await (const { kind } of parts) {
    if (kind === "header") return;
  }
}

async function rotate(caller: Caller): Promise<void> {
  const token = newAdminToken();
  const tokenHash = createHash("sha256").update(token).digest("hex");
  const request = { requestId: randomUUID(), tokenHash };
  await caller.connection.rotateAdminToken(request, contextOf(caller));
  caller.world.adminToken = token;
}

/** The peer port, asked as node n2. `refused`: there was no connection for such a caller. */
async function atPeerPort(
  caller: Caller,
  call: (peer: PeerClient) => Promise<unknown>,
): Promise<string> {
  const peer = connectPeer(caller.world.node.peerListen, { tls: caller.tls });
  try {
    const came = await outcome(call(peer), { unlike: ["NOT_LEADER", "NO_LEADER", "FORK"] });
    return came === "NO_ANSWER" ? "refused" : came;
  } finally {
    peer.close();
  }
}

async function link(caller: Caller): Promise<string> {
  const { node } = caller.world;
  const hello: Hello = {
    nodeId: "n2",
    clusterId: node.clusterId(),
    incarnation: 1,
    previousIncarnation: 0,
    peerAddress: "127.0.0.1:1",
    clientAddress: "127.0.0.1:2",
    protocolVersion: 1,
    toNodeId: "n1",
  };
  const peer = connectPeer(node.peerListen, { tls: caller.tls });
  try {
    const end = await new Promise<Hello | LinkEnd>((resolve) => {
      peer.openLink(hello, { opened: resolve, ended: resolve });
    });
    if (!("kind" in end)) return "own";
    return end.kind === "rejected" ? end.error.reason : "refused";
  } finally {
    peer.close();
  }
}

/** `own` for a peer, which may speak as itself alone (tests/tls/peer_port_test.ts). */
async function asItself(
  caller: Caller,
  call: (peer: PeerClient) => Promise<unknown>,
): Promise<string> {
  const came = await atPeerPort(caller, call);
  return came === "yes" ? "own" : came;
}

const member = { id: "n2", peerAddress: "127.0.0.1:1", clientAddress: "127.0.0.1:2" };

/** The original's own codes: 14 is "not logged in". */
async function atOriginal(
  caller: Caller,
  { name, request }: { readonly name: OriginalCall; readonly request: object },
): Promise<string> {
  const { error_code } = await callOnce(caller.original, name, request);
  return error_code === 0 || error_code === undefined ? "yes" : `code ${error_code}`;
}

const account = () => ({ username: `x${randomUUID().slice(0, 8)}`, password: "long enough" });
const session = ({ token }: Caller) => ({ session_id: token ?? "" });

async function originalReads(caller: Caller, name: OriginalCall): Promise<string> {
  const request = { ...session(caller), username: caller.sender };
  const { error_code, message } = await callOnce(caller.original, name, request);
  if (error_code === 14) return "code 14";
  const seen = message.some((one) => one.message === "for one alone");
  return seen === (caller.kind === "user") ? "own" : "sees what is another's";
}

const asItIs = (bytes: Buffer) => bytes;

async function health(caller: Caller): Promise<string> {
  return await new Promise((resolve) => {
    const path = "/grpc.health.v1.Health/Check";
    caller.original.makeUnaryRequest(path, asItIs, asItIs, Buffer.alloc(0), (error) => {
      resolve(error === null ? "yes" : String(error.details));
    });
  });
}

async function watch(caller: Caller): Promise<string> {
  return await new Promise((resolve) => {
    const path = "/grpc.health.v1.Health/Watch";
    const call = caller.original.makeServerStreamRequest(path, asItIs, asItIs, Buffer.alloc(0));
    call.on("data", () => {
      resolve("yes");
      call.cancel();
    });
    call.on("error", (error) => resolve(String(error)));
  });
}

async function reflection(caller: Caller): Promise<string> {
  return await new Promise((resolve) => {
    const path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    const call = caller.original.makeBidiStreamRequest(path, asItIs, asItIs);
    call.on("data", () => {
      resolve("yes");
      call.cancel();
    });
    call.on("error", (error) => resolve(String(error)));
    // Field 7, empty: the list of services.
    call.write(Buffer.from([0x3a, 0]));
  });
}

/** Every rpc that a node serves, by `Service/Method`. */
export const ATTEMPTS: Readonly<Record<string, Attempt>> = {
  [`${chat}CreateAccount`]: (caller) => {
    const { username: name, password } = account();
    const request = { requestId: randomUUID(), name, password };
    return outcome(caller.connection.createAccount(request, contextOf(caller)));
  },
  [`${chat}Login`]: (caller) => {
    const request = { requestId: randomUUID(), name: caller.user, password: "long enough" };
    return outcome(caller.connection.login(request, contextOf(caller)));
  },
  [`${chat}Logout`]: async (caller) => {
    const logout = (request: { readonly all: boolean; readonly sessionId?: string }) =>
      caller.connection.logout({ requestId: randomUUID(), ...request }, contextOf(caller));
    const named = await namesAnothers(caller, (sessionId) => logout({ all: false, sessionId }));
    return named ?? await endsOwn(caller, () => logout({ all: true }));
  },
  [`${chat}DeleteAccount`]: (caller) =>
    endsOwn(
      caller,
      () => caller.connection.deleteAccount({ requestId: randomUUID() }, contextOf(caller)),
    ),
  [`${chat}ListSessions`]: async (caller) => {
    const listed = caller.connection.listSessions({}, contextOf(caller));
    const came = await outcome(listed);
    if (came !== "yes") return came;
    const { sessions } = await listed;
    return sessions.length === 1 && sessions[0]?.current ? "own" : "sees another's";
  },
  [`${chat}ListUsers`]: (caller) => outcome(caller.connection.listUsers({}, contextOf(caller))),
  [`${chat}SendMessage`]: (caller) => {
    const request = { requestId: randomUUID(), to: caller.sender, body: "hello" };
    return outcome(caller.connection.sendMessage(request, contextOf(caller)));
  },
  [`${chat}GetMessages`]: (caller) =>
    sees(caller, async () => {
      const { messages } = await caller.connection.getMessages({}, contextOf(caller));
      return messages.map(({ id }) => id);
    }),
  [`${chat}GetChat`]: (caller) =>
    sees(caller, async () => {
      const request = { with: caller.sender };
      const { messages } = await caller.connection.getChat(request, contextOf(caller));
      return messages.map(({ id }) => id);
    }),
  [`${chat}AcknowledgeMessages`]: async (caller) => {
    const request = { requestId: randomUUID(), ids: [caller.messageId] };
    const came = await outcome(
      caller.connection.acknowledgeMessages(request, contextOf(caller)),
    );
    return came === "yes" && caller.kind === "user" ? "own" : came;
  },
  [`${chat}Subscribe`]: (caller) => sees(caller, () => firstFrame(caller)),
  [`${chat}GetCluster`]: (caller) => outcome(caller.connection.getCluster({}, contextOf(caller))),

  [`${admin}Status`]: (caller) => outcome(caller.connection.status({}, contextOf(caller))),
  [`${admin}Digest`]: (caller) => outcome(caller.connection.digest({}, contextOf(caller))),
  [`${admin}TransferLeadership`]: (caller) =>
    outcome(caller.connection.transferLeadership({}, contextOf(caller)), {
      unlike: ["NO_LEADER", "INVALID_ARGUMENT"],
    }),
  [`${admin}RemoveMember`]: (caller) =>
    outcome(caller.connection.removeMember({ id: "n9" }, contextOf(caller)), {
      unlike: ["INVALID_ARGUMENT"],
    }),
  [`${admin}ListSalvaged`]: (caller) =>
    outcome(caller.connection.listSalvaged({}, contextOf(caller))),
  [`${admin}Backup`]: (caller) => outcome(backup(caller), { unlike: ["OVERLOADED"] }),
  [`${admin}RotateAdminToken`]: (caller) => outcome(rotate(caller)),

  [`${cluster}Link`]: link,
  [`${cluster}Join`]: (caller) =>
    asItself(caller, (peer) => peer.join({ clusterId: "another", member }, contextOf(caller))),
  [`${cluster}Probe`]: (caller) => atPeerPort(caller, (peer) => peer.probe(contextOf(caller))),
  [`${cluster}HandOver`]: (caller) =>
    asItself(caller, (peer) => {
      const clusterId = caller.world.node.clusterId();
      const ask = { clusterId, nodeId: "n2", commands: [], requestIds: [], termStarts: [] };
      return peer.handOver({ ...ask, lastIndex: 0 }, contextOf(caller));
    }),
  [`${cluster}FetchSnapshot`]: (caller) =>
    asItself(caller, async (peer) => {
      const clusterId = caller.world.node.clusterId();
      const ask = { clusterId, nodeId: "n2", firstChunk: 0, index: 0 };
      await peer.fetchSnapshot(ask, AbortSignal.timeout(2_000));
    }),

  "Health/Check": health,
  "Health/Watch": watch,
  "ServerReflection/ServerReflectionInfo": reflection,

  [`${original}CreateAccount`]: (caller) =>
    atOriginal(caller, { name: "CreateAccount", request: account() }),
  [`${original}Login`]: (caller) => {
    const request = { username: caller.user, password: "long enough" };
    return atOriginal(caller, { name: "Login", request });
  },
  [`${original}ListUsers`]: (caller) => atOriginal(caller, { name: "ListUsers", request: {} }),
  [`${original}Send`]: (caller) => {
    const request = { to: caller.sender, message: "hello", ...session(caller) };
    return atOriginal(caller, { name: "Send", request });
  },
  [`${original}GetMessages`]: (caller) => originalReads(caller, "GetMessages"),
  [`${original}GetChat`]: (caller) => originalReads(caller, "GetChat"),
  [`${original}AcknowledgeReceivedMessages`]: async (caller) => {
    const request = { ...session(caller), message_ids: [1] };
    return await atOriginal(caller, { name: "AcknowledgeReceivedMessages", request });
  },
  [`${original}DeleteAccount`]: async (caller) => {
    const came = atOriginal(caller, { name: "DeleteAccount", request: session(caller) });
    return await came;
  },
  [`${original}Logout`]: (caller) =>
    atOriginal(caller, { name: "Logout", request: session(caller) }),
};
