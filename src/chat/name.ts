/**
 * The one rule by which two account names are the same name.
 *
 * @module
 */

/**
 * The form of a name under which it is unique. Names are ASCII (validate.ts), and only ASCII
 * letters are folded: what Unicode's case tables say differs between runtimes, and nodes of
 * one cluster must agree for ever.
 */
export function nameKey(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
