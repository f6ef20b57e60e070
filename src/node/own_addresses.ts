/**
 * Whether a node is told to listen twice at one address of this machine, or to join itself alone,
 * where that does not show in how the addresses are spelled. Owns what `localhost` is here, which
 * only the system knows; addresses that are spelled alike are `config.ts`'s.
 *
 * Nothing is said of other names: what they lead to may be another machine in a moment.
 *
 * @module
 */

import { lookup } from "node:dns/promises";
import { splitAddress } from "../rpc/dial.ts";
import { isLoopback, type NodeConfig, refuse, refuseJoin } from "./config.ts";

/** The addresses that a host has, the one first at which a port of it is bound. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** Throws `INVALID_ARGUMENT` naming the option at fault, for what cannot work for certain. */
export async function checkOwnAddresses(
  { listen, peerListen, peerAdvertise, http, join }: NodeConfig,
  resolve: Resolve = addressesOf,
): Promise<void> {
  const flags = new Map<string, string>();
  for (const [flag, address] of Object.entries({ listen, "peer-listen": peerListen, http })) {
    const [bound] = address === null ? [] : await placesOf(address, resolve);
    if (address === null || bound === undefined) continue;
    const other = flags.get(bound);
    if (other !== undefined) refuse(flag, `must be another address than --${other}`, address);
    flags.set(bound, flag);
  }
  const [own] = await placesOf(peerListen, resolve);
  if (join.length === 0 || own === undefined) return;
  for (const address of join.filter((one) => one !== peerAdvertise)) {
    const places = await placesOf(address, resolve);
    if (places.length === 0 || places.some((place) => place !== own)) return;
  }
  refuseJoin(join);
}

/** Where one may get to by an address of this machine; nowhere that is certain by any other. */
async function placesOf(address: string, resolve: Resolve): Promise<readonly string[]> {
  const { host, port } = splitAddress(address);
  // Any free port is another one each time.
  if (port === 0 || !isLoopback(address)) return [];
  return (await resolve(host)).map((one) => `${one} ${port}`);
}

async function addressesOf(host: string): Promise<readonly string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch {
    // Whoever binds or dials it says why.
    return [];
  }
}
