/**
 * Who and what there is: the users with who is online, and the members of the cluster (rpc.md).
 * Only reads; presence is the members' own knowledge and not part of the state.
 *
 * @module
 */

import { listAccounts } from "../chat/queries.ts";
import { checkPageSize } from "../chat/validate.ts";
import { termText } from "../raft/term.ts";
import type {
  Answered,
  CallContext,
  GetClusterResponse,
  ListUsersResponse,
  PageRequest,
} from "../rpc/api.ts";
import type { ServiceParts } from "./service_parts.ts";

/** The rpcs that list. */
export class DirectoryService {
  readonly #parts: ServiceParts;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
  }

  async listUsers(
    request: PageRequest,
    context: CallContext,
  ): Promise<Answered<ListUsersResponse>> {
    const limit = checkPageSize(request.pageSize);
    await this.#parts.reader(context);
    const { reader, presence } = this.#parts.options;
    const page = await listAccounts(reader, { limit, pageToken: request.pageToken });
    const users = page.accounts.map(({ accountId, name }) => ({
      name,
      online: presence.isOnline(accountId),
      lastSeenMs: presence.lastSeenMs(accountId),
    }));
    return this.#parts.answer({ users, nextPageToken: page.nextPageToken });
  }

  /** Needs no login: it is how a client finds its way. */
  getCluster(): Promise<Answered<GetClusterResponse>> {
    const { driver, clusterId } = this.#parts.options;
    const { members, leader, term } = driver.status();
    const leads = members.find(({ member }) => member.id === leader);
    return Promise.resolve(this.#parts.answer({
      clusterId: clusterId(),
      members: members.map(({ member, voter }) => ({
        id: member.id,
        clientAddress: member.clientAddress,
        voter,
      })),
      leader: leads?.member.clientAddress ?? "",
      term: termText(term),
    }));
  }
}
