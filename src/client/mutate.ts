/**
 * Requests that change something: they go to the leader, and again with the same request id
 * until they are answered or the call's time is up (rpc.md, Errors; DESIGN §8). Owns what
 * follows from each reason; the requests themselves come from `ChatClient`.
 *
 * @module
 */

import { ChatError, REASONS } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Answered, CallContext } from "../rpc/api.ts";
import type { Connection } from "./connection.ts";
import type { Job } from "./job.ts";
import type { Members } from "./members.ts";
import type { Session } from "./session.ts";

/** One request over one connection. */
export type Request<T> = (connection: Connection, context: CallContext) => Promise<Answered<T>>;

type Attempt<T> =
  | { readonly ok: true; readonly answer: Answered<T> }
  | {
    readonly ok: false;
    readonly error: ChatError;
    readonly address: string | null;
    /** False if the request never left: then it did not happen. */
    readonly sent: boolean;
  };

/** What to do after a failed attempt: give up, or try again after a pause. */
type Next =
  | { readonly kind: "stop" }
  | {
    readonly kind: "again";
    readonly pauseMs: number;
    readonly untilLeader: boolean;
    /**
     * Who was asked and failed: that it says at once that it leads ends no pause, or a leader that
     * fails each time would be asked as fast as it can.
     */
    readonly except: string | null;
  };

/** Makes the request until it is answered. Throws `ChatError` only; see {@linkcode Job}. */
export async function mutate<T>(
  members: Members,
  session: Session,
  call: {
    /** What became of it before is remembered: it may be carried out again. */
    readonly job: Job;
    readonly request: Request<T>;
    /** Longest time of one attempt, ms. */
    readonly attemptMs: number;
  },
): Promise<Answered<T>> {
  members.assertOpen();
  const { job } = call;
  job.assertTimeLeft();
  let waiting = false;
  try {
    for (;;) {
      const attempt = await attemptOnce(members, session, call);
      if (attempt.ok) return attempt.answer;
      job.failed(attempt.error, attempt.sent);
      const next = afterFailure(members, job, attempt);
      if (next.kind === "stop") throw job.refused(attempt.error);
      if (job.isOver(next.pauseMs)) throw job.exhausted(attempt.error, members.book.silences());
      members.retries++;
      if (!waiting) members.countWaiting(1);
      waiting = true;
      if (members.tracker.current() === null) members.tracker.search();
      if (next.pauseMs > 0) {
        await members.pause(next.pauseMs, { ...next, signal: job.signal });
      }
      members.assertOpen();
    }
  } finally {
    if (waiting) members.countWaiting(-1);
  }
}

async function attemptOnce<T>(
  members: Members,
  session: Session,
  call: { readonly job: Job; readonly request: Request<T>; readonly attemptMs: number },
): Promise<Attempt<T>> {
  let address: string | null = null;
  let sent = false;
  try {
    address = await target(members);
    const limitMs = call.job.leftMs(call.attemptMs);
    const context = {
      token: session.token ?? undefined,
      deadlineMs: members.clock.wall() + limitMs,
    };
    const connection = members.pool.to(address);
    const { signal } = call.job;
    sent = true;
    const answer = await members.mutations.run(
      address,
      { limitMs, signal },
      (signal) => call.request(connection, { ...context, signal }),
    );
    members.pool.checkCluster(address, answer.info.clusterId);
    members.tracker.confirm(address);
    session.see(answer.info.position);
    return { ok: true, answer };
  } catch (thrown) {
    return { ok: false, error: ChatError.from(thrown), address, sent };
  }
}

/** The leader if it is known, else the next address, once its cluster is known to be ours. */
async function target(members: Members): Promise<string> {
  const { tracker, book, pool } = members;
  for (let hop = 0; hop < limits.hopsMax; hop++) {
    const address = tracker.current() ?? book.next();
    await members.verify(address);
    const leader = tracker.current();
    if ((leader === null || leader === address) && pool.isVerified(address)) return address;
  }
  throw new ChatError("NO_LEADER", "The members name one another as the leader");
}

function afterFailure<T>(
  members: Members,
  job: Job,
  attempt: Attempt<T> & { ok: false },
): Next {
  const { error, address } = attempt;
  const pause = (untilLeader: boolean): Next => ({
    kind: "again",
    pauseMs: job.pauseMs(),
    untilLeader,
    except: attempt.sent ? address : null,
  });
  if (members.isFinal(error)) return { kind: "stop" };
  switch (REASONS[error.reason].retry) {
    case "never":
    case "wait": {
      const told = error.retryAfterMs ?? 0;
      return { kind: "again", pauseMs: told + job.pauseMs(), untilLeader: false, except: null };
    }
    case "same":
      if (address !== null && error.reason === "LEADERSHIP_LOST") members.tracker.doubt(address);
      return pause(true);
    case "leader":
    case "next":
      tellMembers(members, attempt);
      break;
  }
  // A leader elsewhere is known by now: go there at once, unless this became a circle.
  const leader = members.tracker.current();
  if (leader !== null && leader !== address && job.mayHop()) {
    return { kind: "again", pauseMs: 0, untilLeader: true, except: null };
  }
  return pause(true);
}

/** What the others should know of a node that does not lead, or does not answer. */
function tellMembers<T>(members: Members, attempt: Attempt<T> & { ok: false }): void {
  const { error, address } = attempt;
  if (address === null) return;
  const gone = error.reason === "REMOVED" || (error.reason === "NO_ANSWER" && attempt.sent);
  if (gone) members.pool.failed(address);
  else members.tracker.doubt(address);
  if (error.leader !== undefined) {
    members.tracker.hint(error.leader, error.term ?? "", address);
  }
}
