/**
 * Invariant checks that stay on in production. Owns the one function by which a broken
 * invariant stops the node; it never reports expected outcomes (those are values) nor bad
 * input (that is a `ChatError`).
 *
 * @module
 */

/** A broken invariant: a bug in this program. The node stops rather than go on with it. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** Throws {@linkcode InvariantError} with `message` unless `condition` holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Marks a branch that the type system knows to be impossible. */
export function unreachable(value: never): never {
  throw new InvariantError(`Unreachable value: ${JSON.stringify(value)}`);
}
