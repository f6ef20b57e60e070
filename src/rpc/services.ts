/**
 * The services as tables: for each method its path and the forms of its request and answer. The
 * servers and the clients of this folder are both made from these, so they cannot disagree.
 *
 * @module
 */

import type { AdminApi, BackupPart, ChatApi, SubscribeFrame, SubscribeRequest } from "./api.ts";
import * as account from "./convert_account.ts";
import * as admin from "./convert_admin.ts";
import * as backup from "./convert_backup.ts";
import * as chat from "./convert_chat.ts";
import { linkRequest, linkResponse } from "./convert_link.ts";
import * as peer from "./convert_peer.ts";
import type { Form } from "./wire.ts";

/** One method: where it is, what goes in, what comes out. */
export interface Method<Request, Response> {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly request: Form<Request>;
  readonly response: Form<Response>;
}

/** The unary methods of an api, by their inner names. */
export type Unary<Api> = Extract<
  { [K in keyof Api]: Api[K] extends (...args: never) => Promise<unknown> ? K : never }[keyof Api],
  string
>;

/** What a unary method of an api takes. */
export type RequestOf<Api, K extends Unary<Api>> = Api[K] extends
  (request: infer Request, ...rest: never) => unknown ? Request : never;

/** What a unary method of an api gives, without what travels in headers. */
export type ResponseOf<Api, K extends Unary<Api>> = Api[K] extends
  (...args: never) => Promise<infer Response> ? Omit<Response, "info"> : never;

/** A table of all unary methods of an api: the type demands that none is forgotten. */
export type MethodTable<Api> = {
  readonly [K in Unary<Api>]: Method<RequestOf<Api, K>, ResponseOf<Api, K>>;
};

function method<Request, Response>(
  path: string,
  [request, response]: readonly [Form<Request>, Form<Response>],
): Method<Request, Response> {
  return { path, request, response };
}

const CHAT = "/jmessage.v1.ChatService";
const ADMIN = "/jmessage.v1.AdminService";
const CLUSTER = "/jmessage.v1.ClusterService";

/** `jmessage.v1.ChatService`, but for `Subscribe`. */
export const chatMethods: MethodTable<ChatApi> = {
  createAccount: method(`${CHAT}/CreateAccount`, [
    account.createAccountRequest,
    account.createAccountResponse,
  ]),
  login: method(`${CHAT}/Login`, [account.loginRequest, account.loginResponse]),
  listSessions: method(`${CHAT}/ListSessions`, [
    account.listSessionsRequest,
    account.listSessionsResponse,
  ]),
  logout: method(`${CHAT}/Logout`, [account.logoutRequest, account.logoutResponse]),
  deleteAccount: method(`${CHAT}/DeleteAccount`, [
    account.deleteAccountRequest,
    account.deleteAccountResponse,
  ]),
  listUsers: method(`${CHAT}/ListUsers`, [account.listUsersRequest, account.listUsersResponse]),
  sendMessage: method(`${CHAT}/SendMessage`, [chat.sendMessageRequest, chat.sendMessageResponse]),
  getMessages: method(`${CHAT}/GetMessages`, [
    account.getMessagesRequest,
    chat.getMessagesResponse,
  ]),
  getChat: method(`${CHAT}/GetChat`, [chat.getChatRequest, chat.getChatResponse]),
  acknowledgeMessages: method(`${CHAT}/AcknowledgeMessages`, [
    chat.acknowledgeMessagesRequest,
    chat.acknowledgeMessagesResponse,
  ]),
  getCluster: method(`${CHAT}/GetCluster`, [
    account.getClusterRequest,
    account.getClusterResponse,
  ]),
};

/** `jmessage.v1.ChatService/Subscribe`, a server stream; `null` is a frame not known here. */
export const subscribeMethod: Method<SubscribeRequest, SubscribeFrame | null> = method(
  `${CHAT}/Subscribe`,
  [chat.subscribeRequest, chat.subscribeResponse],
);

/** `jmessage.v1.AdminService`, but for `Backup`. */
export const adminMethods: MethodTable<AdminApi> = {
  status: method(`${ADMIN}/Status`, [admin.statusRequest, admin.statusResponse]),
  digest: method(`${ADMIN}/Digest`, [admin.digestRequest, admin.digestResponse]),
  transferLeadership: method(`${ADMIN}/TransferLeadership`, [
    admin.transferLeadershipRequest,
    admin.transferLeadershipResponse,
  ]),
  removeMember: method(`${ADMIN}/RemoveMember`, [
    admin.removeMemberRequest,
    admin.removeMemberResponse,
  ]),
  rotateAdminToken: method(`${ADMIN}/RotateAdminToken`, [
    admin.rotateAdminTokenRequest,
    admin.rotateAdminTokenResponse,
  ]),
  listSalvaged: method(`${ADMIN}/ListSalvaged`, [
    admin.listSalvagedRequest,
    admin.listSalvagedResponse,
  ]),
};

/** `jmessage.v1.AdminService/Backup`, a server stream. */
export const backupMethod: Method<Parameters<AdminApi["backup"]>[0], BackupPart> = method(
  `${ADMIN}/Backup`,
  [backup.backupRequest, backup.backupResponse],
);

/** `jmessage.v1.ClusterService`: `link` streams both ways, `fetchSnapshot` from the server. */
export const clusterMethods = {
  link: method(`${CLUSTER}/Link`, [linkRequest, linkResponse]),
  join: method(`${CLUSTER}/Join`, [peer.joinRequest, peer.joinResponse]),
  probe: method(`${CLUSTER}/Probe`, [peer.probeRequest, peer.probeResponse]),
  handOver: method(`${CLUSTER}/HandOver`, [peer.handOverRequest, peer.handOverResponse]),
  fetchSnapshot: method(`${CLUSTER}/FetchSnapshot`, [
    peer.fetchSnapshotRequest,
    peer.fetchSnapshotResponse,
  ]),
} as const;
