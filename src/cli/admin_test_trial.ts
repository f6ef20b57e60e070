/**
 * Runs admin commands of tests over clusters made up in memory.
 *
 * @module
 */

import type { ManualClock } from "../client/client_test_clock.ts";
import { ChatError } from "../errors.ts";
import type { AdminApi, StatusMember, StatusResponse } from "../rpc/api.ts";
import { adminCommand } from "./admin.ts";
import type { AdminClock } from "./admin_clock.ts";
import type { AdminConnection } from "./admin_cluster.ts";
import { runProgram } from "./program.ts";

export function member(id: string, changes: Partial<StatusMember> = {}): StatusMember {
  const role = id === "a" ? "leader" : "follower";
  const addresses = { clientAddress: `${id}:1`, peerAddress: `${id}:2` };
  const indexes = { lastIndex: 9, commitIndex: 9, appliedIndex: 9 };
  return {
    ...{ id, role, voter: true, term: "1.2.a", ...addresses, ...indexes },
    ...{ reachable: true, incarnation: 7 },
    ...changes,
  };
}

export function status(self: string, members: readonly StatusMember[]): StatusResponse {
  const policy = {
    quorum: "all",
    lastResort: true,
    livesByLastResort: false,
    missing: [],
  } as const;
  return { clusterId: "k", ...policy, term: "1.2.a", leader: "a", tolerates: 2, self, members };
}

/** A node that answers as it is told, and refuses whatever it is not told. */
export function fakeApi(answers: Partial<AdminApi>): AdminApi {
  const refuse = () => Promise.reject(new ChatError("NO_LEADER", "Cannot connect: refused"));
  return {
    status: refuse,
    digest: refuse,
    transferLeadership: refuse,
    removeMember: refuse,
    rotateAdminToken: refuse,
    listSalvaged: refuse,
    // deno-lint-ignore require-yield
    backup: async function* () {
      await refuse();
    },
    ...answers,
  };
}

interface Trial {
  readonly code: number;
  readonly lines: readonly string[];
  readonly json: readonly object[];
  readonly errors: readonly string[];
  /** Connections left open. */
  readonly open: number;
}

/** A clock moved by hand, as the admin commands want it. */
function byHand(clock: ManualClock): AdminClock {
  return {
    now: clock.wall,
    pause: (ms) => new Promise((resolve) => void clock.after(ms, resolve)),
    timeout: (ms) => {
      const controller = new AbortController();
      clock.after(ms, () => controller.abort());
      return controller.signal;
    },
    every: (ms, task) => {
      let cancel = () => {};
      const again = () => {
        cancel = clock.after(ms, () => {
          again();
          task();
        });
      };
      again();
      return () => cancel();
    },
  };
}

/** Runs one command; a clock is moved until that is done, without one it takes its time. */
export async function trial(
  nodes: Record<string, Partial<AdminApi>>,
  args: string,
  clock?: ManualClock,
): Promise<Trial> {
  const lines: string[] = [];
  const json: object[] = [];
  const errors: string[] = [];
  let open = 0;
  const output = {
    line: (text: string) => void lines.push(text),
    json: (value: object) => void json.push(value),
    remark() {},
  };
  const connect = (address: string): AdminConnection => {
    open += 1;
    return { ...fakeApi(nodes[address] ?? {}), close: () => void (open -= 1) };
  };
  const load = () =>
    Promise.resolve(adminCommand({ connect, output, clock: clock && byHand(clock) }));
  const running = runProgram(args.split(" "), {
    commands: [{ name: "admin", summary: "look after a cluster", load }],
    onError: (line) => void errors.push(line),
  });
  const code = await (clock?.until(running) ?? running);
  return { code, lines, json, errors, open };
}

export const answers = (self: string, members: readonly StatusMember[]) => ({
  status: () => Promise.resolve(status(self, members)),
});
