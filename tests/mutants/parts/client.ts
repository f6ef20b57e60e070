/**
 * What is broken in the client library, `src/client`. Its schedules run it against a cluster in memory
 * that keeps its promises (`client_test_cluster.ts`): the clients of the simulated clusters are the
 * simulator's own.
 *
 * @module
 */

import type { Mutant } from "../mutant.ts";
import { clients } from "./campaigns.ts";

export const CLIENT: readonly Mutant[] = [
  {
    name: "makes a new request id for each attempt",
    part: "client",
    campaign: clients,
    edit: {
      file: "src/client/chat_client.ts",
      find: "api.sendMessage(request, context);",
      replace: "api.sendMessage({ ...request, requestId: this.#requestId({}).text }, context);",
    },
  },
  {
    name: "sends the next message before the last is answered",
    part: "client",
    campaign: clients,
    edit: {
      file: "src/client/outbox.ts",
      find: `      await this.#deliver(first);
      if (this.#queue[0] === first) this.#queue.shift();`,
      replace: `      void this.#deliver(first);
      this.#queue.shift();`,
    },
  },
  {
    name: "gives a message up for want of an answer",
    part: "client",
    campaign: clients,
    edit: {
      file: "src/client/outbox.ts",
      find: 'if (REASONS[error.reason].retry === "never") return',
      replace: 'if (REASONS[error.reason].retry !== "wait") return',
    },
  },
  {
    name: "reads without saying what it has seen",
    part: "client",
    campaign: clients,
    edit: {
      file: "src/client/read.ts",
      find: "position: this.#session.position ?? undefined,",
      replace: "position: undefined,",
    },
  },
  {
    name: "does not remember where its write went",
    part: "client",
    campaign: clients,
    edit: {
      file: "src/client/mutate.ts",
      find: `    session.see(answer.info.position);
`,
      replace: "",
    },
  },
  {
    name: "waits for ever for a silent member",
    part: "client",
    campaign: clients,
    edit: {
      file: "src/client/subscription.ts",
      find: `        reject(new ChatError("NO_ANSWER", \`No heartbeat from \${address}\`));
`,
      replace: "",
    },
  },
  {
    name: "begins a broken stream again from now on",
    part: "client",
    campaign: clients,
    edit: {
      file: "src/client/subscription.ts",
      find: "    return { positions, ...(fresh",
      replace: "    return { positions: this.#failures > 0 ? [] : positions, ...(fresh",
    },
  },
  {
    name: "tells a message that it has by its place alone",
    part: "client",
    campaign: clients,
    edit: {
      file: "src/client/cursor.ts",
      find: "const fresh = !this.#ids.has(message.id) && !this.#isBehind(message.position);",
      replace: "const fresh = !this.#isBehind(message.position);",
    },
  },
  {
    name: "never forgets a position of a history that lost",
    part: "client",
    campaign: clients,
    edit: {
      file: "src/client/read.ts",
      find: "if (answer?.leader === address) this.#session.see(answer.info.position);",
      replace: "void answer;",
    },
  },
  {
    name: "reads behind what its own stream has shown",
    part: "client",
    campaign: clients,
    edit: {
      file: "src/client/subscription.ts",
      find: `          this.#session.see(frame.message.position);
`,
      replace: "",
    },
  },
  {
    name: "takes a position back",
    part: "client",
    campaign: clients,
    edit: {
      file: "src/client/session.ts",
      find: "if (this.#place !== null && comparePlaces(place, this.#place) <= 0) return;",
      replace: "void comparePlaces;",
    },
  },
];
