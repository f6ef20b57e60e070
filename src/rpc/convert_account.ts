/**
 * Requests and answers about accounts, sessions and the cluster's addresses between their wire
 * form and that of `api.ts`.
 *
 * @module
 */

import type {
  CreateAccountRequest,
  DeleteAccountRequest,
  GetClusterResponse,
  ListSessionsResponse,
  ListUsersResponse,
  LoginRequest,
  LoginResponse,
  LogoutRequest,
  PageRequest,
  SessionInfo,
  User,
} from "./api.ts";
import { v1 } from "./gen/messages.js";
import { emptyForm, type Form, form, text, timeFromWire, timeToWire } from "./wire.ts";

/** `CreateAccountRequest`. */
export const createAccountRequest: Form<CreateAccountRequest> = form(v1.CreateAccountRequest, {
  toWire: (request) => request,
  fromWire: ({ requestId, name, password }) => ({
    requestId: text(requestId, "request_id"),
    name: text(name, "name"),
    password: text(password, "password"),
  }),
});

/** `CreateAccountResponse`. */
export const createAccountResponse: Form<object> = emptyForm(v1.CreateAccountResponse);

/** `LoginRequest`. */
export const loginRequest: Form<LoginRequest> = form(v1.LoginRequest, {
  toWire: (request) => request,
  fromWire: ({ requestId, name, password }) => ({
    requestId: text(requestId, "request_id"),
    name: text(name, "name"),
    password: text(password, "password"),
  }),
});

/** `LoginResponse`. */
export const loginResponse: Form<LoginResponse> = form(v1.LoginResponse, {
  toWire: (response) => response,
  fromWire: ({ token, name }) => ({ token: text(token, "token"), name: text(name, "name") }),
});

/** `LogoutRequest`. */
export const logoutRequest: Form<LogoutRequest> = form(v1.LogoutRequest, {
  toWire: ({ sessionId = null, ...request }) => ({ ...request, sessionId }),
  fromWire: ({ requestId, all, sessionId }) => ({
    requestId: text(requestId, "request_id"),
    all,
    // An empty one is a wrong one: who meant another session must not end this one.
    ...typeof sessionId === "string" ? { sessionId } : {},
  }),
});

/** `LogoutResponse`. */
export const logoutResponse: Form<object> = emptyForm(v1.LogoutResponse);

/** `DeleteAccountRequest`. */
export const deleteAccountRequest: Form<DeleteAccountRequest> = form(v1.DeleteAccountRequest, {
  toWire: (request) => request,
  fromWire: ({ requestId }) => ({ requestId: text(requestId, "request_id") }),
});

/** `DeleteAccountResponse`. */
export const deleteAccountResponse: Form<object> = emptyForm(v1.DeleteAccountResponse);

/** The two requests for pages have the same fields. */
/** Of every request for a page. */
export function pageToWire(request: PageRequest): v1.ListUsersRequest {
  const { pageSize, pageToken = "" } = request;
  return { pageToken, pageSize: pageSize ?? null };
}

/** The inverse of {@linkcode pageToWire}. */
export function pageFromWire({ pageSize, pageToken }: v1.ListUsersRequest): PageRequest {
  return {
    ...(pageSize ? { pageSize } : {}),
    ...(pageToken === "" ? {} : { pageToken }),
  };
}

/** `ListUsersRequest`. */
export const listUsersRequest: Form<PageRequest> = form(v1.ListUsersRequest, {
  toWire: pageToWire,
  fromWire: pageFromWire,
});

/** `ListSessionsRequest`. */
export const listSessionsRequest: Form<PageRequest> = form(v1.ListSessionsRequest, {
  toWire: pageToWire,
  fromWire: pageFromWire,
});

function sessionToWire({ id, createdAtMs, usedAtMs, expiresAtMs, current }: SessionInfo) {
  return {
    id,
    createdAt: timeToWire(createdAtMs),
    lastUsed: usedAtMs === null ? null : timeToWire(usedAtMs),
    expiresAt: expiresAtMs === null ? null : timeToWire(expiresAtMs),
    current,
  };
}

function sessionFromWire(wire: v1.Session): SessionInfo {
  const { id, createdAt, lastUsed, expiresAt, current } = wire;
  return {
    id: text(id, "sessions.id"),
    createdAtMs: timeFromWire(createdAt, "sessions.created_at"),
    usedAtMs: lastUsed ? timeFromWire(lastUsed, "sessions.last_used") : null,
    expiresAtMs: expiresAt ? timeFromWire(expiresAt, "sessions.expires_at") : null,
    current,
  };
}

/** `ListSessionsResponse`. */
export const listSessionsResponse: Form<ListSessionsResponse> = form(v1.ListSessionsResponse, {
  toWire: ({ sessions, nextPageToken }) => {
    return { sessions: sessions.map(sessionToWire), nextPageToken };
  },
  fromWire: ({ sessions, nextPageToken }) => {
    return { sessions: sessions.map(sessionFromWire), nextPageToken };
  },
});

/** `GetMessagesRequest`. */
export const getMessagesRequest: Form<PageRequest> = form(v1.GetMessagesRequest, {
  toWire: pageToWire,
  fromWire: pageFromWire,
});

function userToWire({ name, online, lastSeenMs }: User): v1.User {
  return { name, online, lastSeen: lastSeenMs === null ? null : timeToWire(lastSeenMs) };
}

function userFromWire({ name, online, lastSeen }: v1.User): User {
  return {
    name: text(name, "users.name"),
    online,
    lastSeenMs: lastSeen ? timeFromWire(lastSeen, "users.last_seen") : null,
  };
}

/** `ListUsersResponse`. */
export const listUsersResponse: Form<ListUsersResponse> = form(v1.ListUsersResponse, {
  toWire: ({ users, nextPageToken }) => ({ users: users.map(userToWire), nextPageToken }),
  fromWire: ({ users, nextPageToken }) => ({ users: users.map(userFromWire), nextPageToken }),
});

/** `GetClusterRequest`. */
export const getClusterRequest: Form<object> = emptyForm(v1.GetClusterRequest);

/** `GetClusterResponse`. */
export const getClusterResponse: Form<GetClusterResponse> = form(v1.GetClusterResponse, {
  toWire: (response) => response,
  fromWire: ({ clusterId, members, leader, term }) => ({
    clusterId,
    members: members.map(({ id, clientAddress, voter }) => ({
      id: text(id, "members.id"),
      clientAddress,
      voter,
    })),
    leader,
    term,
  }),
});
