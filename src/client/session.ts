/**
 * Who the client is logged in as and what it has seen. Owns the token and the newest position,
 * by which any member can give back what this client wrote (DESIGN §8); it stores nothing.
 *
 * @module
 */

import type { EntryPlace } from "../chat/command.ts";
import { ChatError, REASONS } from "../errors.ts";
import type { CallOptions } from "./job.ts";
import { comparePlaces, placeOf } from "./term_order.ts";

/** A login as plain data, to be kept between runs. */
export interface SessionState {
  readonly user: string;
  readonly token: string;
  /** Newest position seen; absent if none was. */
  readonly position?: string | undefined;
}

/** Logs in anew, within the time of the call that needs it if that has one. */
export type Renew = (options: CallOptions) => Promise<void>;

/** The login of one client. */
export class Session {
  #user: string | null;
  #token: string | null;
  #position: string | null = null;
  /** The same, parsed: every answer is compared with it. */
  #place: EntryPlace | null = null;
  /** How to log in anew, once the kept token turns out to have ended. */
  #renewal: { readonly token: string; readonly renew: Renew } | null = null;
  #renewing: Promise<void> | null = null;

  constructor(state: SessionState | null = null) {
    this.#user = state?.user ?? null;
    this.#token = state?.token ?? null;
    this.see(state?.position ?? "");
  }

  get user(): string | null {
    return this.#user;
  }

  get token(): string | null {
    return this.#token;
  }

  /** Newest position that any answer carried. */
  get position(): string | null {
    return this.#position;
  }

  logIn(user: string, token: string): void {
    this.#user = user;
    this.#token = token;
  }

  logOut(): void {
    this.#user = null;
    this.#token = null;
  }

  /** From now on a login that has ended is made anew by `renew`, once. */
  renewBy(renew: Renew): void {
    this.#renewal = this.#token === null ? null : { token: this.#token, renew };
    this.#renewing = null;
  }

  /**
   * True if there is another login now than the one that `error` says has ended, so that the same may
   * be asked once more; what fails together waits for one new login. Throws as that fails: a password
   * that is wrong is not tried again, whatever else was in the way may be over by the next time, or
   * within the time of another one who waited.
   */
  async renewed(
    error: ChatError,
    token: string | null,
    options: CallOptions = {},
  ): Promise<boolean> {
    const renewal = this.#renewal;
    if (error.reason !== "UNAUTHENTICATED" || renewal === null) return false;
    if (token !== renewal.token) return false;
    for (let isOwn = false; !isOwn;) {
      isOwn = this.#renewing === null;
      const renewing = this.#renewing ??= renewal.renew(options);
      try {
        await renewing;
        break;
      } catch (thrown) {
        const isFinal = REASONS[ChatError.from(thrown).reason].retry === "never";
        if (!isFinal && this.#renewing === renewing) this.#renewing = null;
        if (isFinal || isOwn) throw thrown;
      }
    }
    return this.#token !== token;
  }

  /** Takes in a position that an answer carried; an older one changes nothing. */
  see(position: string): void {
    if (position === "" || position === this.#position) return;
    const place = placeOf(position);
    if (place === null) return;
    if (this.#place !== null && comparePlaces(place, this.#place) <= 0) return;
    this.#position = position;
    this.#place = place;
  }

  /** As plain data; `null` if not logged in. */
  state(): SessionState | null {
    if (this.#user === null || this.#token === null) return null;
    return {
      user: this.#user,
      token: this.#token,
      ...(this.#position === null ? {} : { position: this.#position }),
    };
  }
}
