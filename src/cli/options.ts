/**
 * Flags that several commands share, and the parsers of their values. Owns what a well-formed
 * value is and the sentence that says so; it never reads the environment (see `command.ts`) nor
 * opens an address.
 *
 * @module
 */

import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { limits } from "../limits.ts";

/** Where a client looks for a cluster if it is not told. */
export const DEFAULT_CLIENT_ADDRESS = "127.0.0.1:2625";

/** Where a node listens to other nodes if it is not told. */
export const DEFAULT_PEER_ADDRESS = "127.0.0.1:2626";

const ADDRESS = /^(\[[0-9A-Fa-f:.]+\]|[^\s:,[\]/]+):(\d{1,5})$/;

/** `host:port`; an IPv6 host stands in brackets. Port 0 means any free one. */
export function parseAddress(text: string): string {
  const trimmed = text.trim();
  const port = Number(ADDRESS.exec(trimmed)?.[2] ?? NaN);
  if (!(port <= 65_535)) throw new InvalidArgumentError("Must be HOST:PORT, as in 127.0.0.1:2625.");
  return trimmed;
}

/** A comma-separated list of `host:port`, at least one, each once. */
export function parseAddresses(text: string): readonly string[] {
  const addresses = [...new Set(text.split(",").map(parseAddress))];
  if (addresses.length > limits.addressesMax) {
    throw new InvalidArgumentError(`Must be at most ${limits.addressesMax} addresses.`);
  }
  return addresses;
}

/** A parser of whole numbers from `min` to `max`. */
export function parseInteger(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text.trim()) ? Number(text) : NaN;
    if (!(value >= min && value <= max)) {
      throw new InvalidArgumentError(`Must be a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** `on` or `off`. */
export function parseOnOff(text: string): boolean {
  if (text === "on") return true;
  if (text === "off") return false;
  throw new InvalidArgumentError("Must be on or off.");
}

/** `--json`: one JSON object per line on stdout and nothing else. */
export function jsonOption() {
  return new Option("--json", "print one JSON object per line on stdout and nothing else");
}

/** `-s, --servers`: addresses of the cluster, any of its members. */
export function serversOption() {
  return new Option("-s, --servers <list>", "client addresses of the cluster, comma-separated")
    .argParser(parseAddresses)
    .default([DEFAULT_CLIENT_ADDRESS] as readonly string[], DEFAULT_CLIENT_ADDRESS);
}

/** `--timeout`: seconds that the whole command may take. */
export function timeoutOption(secondsDefault: number, text = "give up after this long") {
  return new Option("--timeout <seconds>", text)
    .argParser(parseInteger(1, limits.commandSecondsMax))
    .default(secondsDefault);
}
