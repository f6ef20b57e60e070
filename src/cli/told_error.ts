/**
 * A failure of which the log has told already: it decides the exit code, and is not said once more.
 * Owns nothing but that mark.
 *
 * @module
 */

import { ChatError } from "../errors.ts";

/** The same failure, told. */
export class ToldError extends ChatError {
  constructor(cause: ChatError) {
    super(cause.reason, cause.message, { cause });
  }
}
