/**
 * What every node has, asked of each through its own client port once all of them are whole.
 * Owns the asking; the judgement is the checker's.
 *
 * @module
 */

import { ChatError } from "../../mod.ts";
import { AdminCluster } from "../../src/cli/admin_cluster.ts";
import { compareDigests } from "../../src/cli/digest_comparison.ts";
import { type ChatConnection, connect } from "../../src/rpc/client.ts";
import { conversation } from "../cluster/conversation.ts";
import type { KeptMessage, NodeView } from "./checker.ts";
import type { Place } from "./nodes.ts";

const CALL_MS_MAX = 10_000;
/** Longest until all digests were seen at one index, ms. */
const DIGEST_MS_MAX = 60_000;

/** Whose conversations are read, and which sessions are tried. */
export interface SurveyQuestions {
  readonly writers: readonly { readonly user: string; readonly token: string }[];
  readonly receivers: readonly string[];
  readonly sessions: readonly string[];
}

/** The view of each node, by id. Throws `ChatError` if a node does not answer. */
export async function survey(
  places: readonly Place[],
  questions: SurveyQuestions,
): Promise<ReadonlyMap<string, NodeView>> {
  const digests = await digestsOf(places);
  const views = new Map<string, NodeView>();
  for (const place of places) {
    const { id } = place;
    const connection = connect(place.listen);
    try {
      const own = [...digests].find(([known]) => place.isHere(known));
      const digest = own?.[1] ?? `none of ${id}`;
      const setAside = await setAsideOf(connection, place.adminToken);
      views.set(id, { ...await viewOf(connection, questions), setAside, digest });
    } finally {
      connection.close();
    }
  }
  return views;
}

async function digestsOf(places: readonly Place[]): Promise<ReadonlyMap<string, string>> {
  const deadlineMs = Date.now() + DIGEST_MS_MAX;
  const admin = new AdminCluster(places.map(({ listen }) => listen), {
    connect,
    deadlineMs,
    token: places[0]?.adminToken,
  });
  try {
    const { digests = [] } = await compareDigests(admin) ?? {};
    return new Map(digests.map(({ id, digest }) => [id, digest]));
  } finally {
    admin.close();
  }
}

async function viewOf(
  connection: ChatConnection,
  { writers, receivers, sessions }: SurveyQuestions,
): Promise<Omit<NodeView, "digest" | "setAside">> {
  const messages: KeptMessage[] = [];
  for (const { token } of writers) {
    for (const other of receivers) {
      messages.push(...await conversation(connection, { token, other }));
    }
  }
  return {
    messages: messages.toSorted((left, right) => left.seq - right.seq),
    users: await usersOf(connection, writers[0]?.token),
    sessions: await openOf(connection, sessions),
  };
}

async function usersOf(
  connection: ChatConnection,
  token: string | undefined,
): Promise<ReadonlySet<string>> {
  const users = new Set<string>();
  for (let pageToken = "", more = true; more; more = pageToken !== "") {
    const page = await connection.listUsers({ pageToken }, { token, ...call() });
    for (const { name } of page.users) users.add(name);
    pageToken = page.nextPageToken;
  }
  return users;
}

/** Request ids that `admin salvage list` shows. */
async function setAsideOf(
  connection: ChatConnection,
  token: string | undefined,
): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for (let pageToken = "", more = true; more; more = pageToken !== "") {
    const page = await connection.listSalvaged({ pageToken }, { token, ...call() });
    for (const { requestId } of page.records) ids.add(requestId);
    pageToken = page.nextPageToken;
  }
  return ids;
}

/** Those of the sessions that this node takes. */
async function openOf(
  connection: ChatConnection,
  sessions: readonly string[],
): Promise<ReadonlySet<string>> {
  const open = new Set<string>();
  for (const token of sessions) {
    try {
      await connection.getMessages({ pageSize: 1 }, { token, ...call() });
      open.add(token);
    } catch (thrown) {
      if (ChatError.from(thrown).reason !== "UNAUTHENTICATED") throw thrown;
    }
  }
  return open;
}

function call(): { readonly deadlineMs: number; readonly signal: AbortSignal } {
  const signal = AbortSignal.timeout(CALL_MS_MAX);
  return { deadlineMs: Date.now() + CALL_MS_MAX, signal };
}
