/**
 * Which host a connection comes from, as far as bounds are concerned. Owns what counts as one.
 *
 * @module
 */

/** Of `host:port` the host; of IPv6, in brackets or not, the network that one customer has, 64 bits. */
export function hostOf(from: string): string {
  const host = from.slice(0, Math.max(0, from.lastIndexOf(":"))).toLowerCase()
    .replace(/^\[(.*)\]$/, "$1").replace(/^::ffff:(?=\d+\.)/, "");
  if (!host.includes(":")) return host;
  const [head = "", tail] = host.split("::");
  const groups = head.split(":").filter((group) => group !== "");
  const rest = tail?.split(":").filter((group) => group !== "") ?? [];
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - rest.length);
  return [...groups, ...Array<string>(zeros).fill("0"), ...rest].slice(0, 4).join(":");
}
