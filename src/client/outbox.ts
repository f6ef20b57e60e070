/**
 * Messages that are not acknowledged yet. Owns their order: one is on its way at a time, so
 * they are accepted in the order in which they were written, however often a leader falls. A
 * message leaves it acknowledged or refused for good, never for want of an answer.
 *
 * @module
 */

import { ChatError, REASONS } from "../errors.ts";
import { limits } from "../limits.ts";
import type { SendMessageResponse } from "../rpc/api.ts";
import type { RequestId } from "./request_id.ts";

/** Makes one attempt of a call's length; the same id again is the same message. */
export type Sender = (
  message: { readonly id: RequestId; readonly to: string; readonly body: string },
  signal: AbortSignal,
) => Promise<SendMessageResponse>;

interface Waiting {
  readonly id: RequestId;
  readonly to: string;
  readonly body: string;
  readonly resolve: (response: SendMessageResponse) => void;
  readonly reject: (error: ChatError) => void;
}

/** The queue of one sender. */
export class Outbox {
  readonly #send: Sender;
  readonly #onChange: () => void;
  readonly #controller = new AbortController();
  #queue: Waiting[] = [];
  #running = false;

  constructor(send: Sender, onChange: () => void = () => {}) {
    this.#send = send;
    this.#onChange = onChange;
  }

  /** Messages not acknowledged yet, the one on its way included. */
  get size(): number {
    return this.#queue.length;
  }

  /**
   * Queues a message; resolves once it is acknowledged. Throws `OVERLOADED` if the box is full,
   * `SHUTTING_DOWN` if it is closed before, and whatever refuses the message for good.
   */
  send(
    message: { readonly id: RequestId; readonly to: string; readonly body: string },
  ): Promise<SendMessageResponse> {
    if (this.#controller.signal.aborted) return Promise.reject(closed(false));
    if (this.#queue.length >= limits.outboxMessagesMax) {
      return Promise.reject(
        new ChatError("OVERLOADED", "Too many messages wait to be sent: wait for some of them"),
      );
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ ...message, resolve, reject });
      this.#onChange();
      void this.#run();
    });
  }

  /** Gives up what is left; what is on its way may still be accepted. */
  close(): void {
    this.#controller.abort();
    const left = this.#queue;
    this.#queue = [];
    for (const [at, waiting] of left.entries()) waiting.reject(closed(at === 0));
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      await this.#deliver(first);
      if (this.#queue[0] === first) this.#queue.shift();
      this.#onChange();
    }
    this.#running = false;
  }

  /** Sends one message as often as it takes. Each round waits as long as a call may last. */
  async #deliver(message: Waiting): Promise<void> {
    const { signal } = this.#controller;
    while (!signal.aborted) {
      try {
        message.resolve(await this.#send(message, signal));
        return;
      } catch (thrown) {
        const error = ChatError.from(thrown);
        if (REASONS[error.reason].retry === "never") return message.reject(error);
      }
    }
  }
}

/** Only the first was on its way, and may be accepted yet. */
function closed(onItsWay: boolean): ChatError {
  return new ChatError("SHUTTING_DOWN", "The client was closed before the message was accepted", {
    afterIndefinite: onItsWay,
  });
}
