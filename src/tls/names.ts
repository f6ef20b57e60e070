/**
 * Which nodes a certificate is for, or whether it is an operator's: the names of the form
 * `urn:jmessage:…` among its subject alternative names, read from its bytes; and the hosts among
 * them. Owns that form and the reading of it; whether the certificate is to be trusted was checked
 * before, by TLS.
 *
 * A URI, not a host name: whoever may have a certificate for a host, a client's port say, is no node
 * by that. Read from the bytes, as the text that runtimes make of the names is not the same
 * everywhere, nor always without doubt where one name ends and the next begins.
 *
 * @module
 */

const PREFIX = "urn:jmessage:node:";

/** In the certificate of whoever may ask what operators ask. */
export const OPERATOR_URI = "urn:jmessage:operator";

/** ASN.1 tags that stand on the way to the names. */
const SEQUENCE = 0x30;
const OBJECT_ID = 0x06;
const OCTETS = 0x04;
/** `extensions [3]` of a certificate; its first three fields stay aside. */
const EXTENSIONS = 0xa3;
/** `dNSName [2]`, `uniformResourceIdentifier [6]` and `iPAddress [7]` of a name. */
const DNS = 0x82;
const URI = 0x86;
const IP = 0x87;
/** 2.5.29.17, the extension of the names. */
const ALTERNATIVE_NAMES = "551d11";

/** One value of DER: its tag and its content. */
interface Value {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** As it stands in a certificate. */
export function nodeUri(id: string): string {
  return PREFIX + id;
}

/** Ids of the nodes that a certificate, as DER, is for; none if it cannot be read. */
export function nodeNamesOf(certificate: Uint8Array): readonly string[] {
  return urisOf(certificate).filter((uri) => uri.startsWith(PREFIX))
    .map((uri) => uri.slice(PREFIX.length));
}

/**
 * Whether a certificate, as DER, is an operator's. It says so itself: a CA may have issued others,
 * to users or for hosts, that must not be taken for one.
 */
export function isOperator(certificate: Uint8Array): boolean {
  return urisOf(certificate).includes(OPERATOR_URI);
}

/** Host names and IP addresses that a certificate, as DER, is for, as people write them. */
export function hostNamesOf(certificate: Uint8Array): readonly string[] {
  return namesOf(certificate).flatMap(({ tag, content }) => {
    if (tag === DNS) return [textOf(content)];
    return tag === IP ? addressOf(content) : [];
  });
}

function urisOf(certificate: Uint8Array): readonly string[] {
  return namesOf(certificate).filter(({ tag }) => tag === URI)
    .map(({ content }) => textOf(content));
}

/** Its subject alternative names. */
function namesOf(certificate: Uint8Array): readonly Value[] {
  const [whole] = valuesIn(certificate);
  const [signed] = valuesIn(whole?.content);
  const extensions = valuesIn(signed?.content).find(({ tag }) => tag === EXTENSIONS);
  const [list] = valuesIn(extensions?.content);
  for (const { content } of valuesIn(list?.content).filter(({ tag }) => tag === SEQUENCE)) {
    const parts = valuesIn(content);
    const isNames = parts[0]?.tag === OBJECT_ID && hex(parts[0].content) === ALTERNATIVE_NAMES;
    const octets = parts.find(({ tag }) => tag === OCTETS);
    if (!isNames) continue;
    return valuesIn(valuesIn(octets?.content)[0]?.content);
  }
  return [];
}

function textOf(content: Uint8Array): string {
  return String.fromCharCode(...content);
}

/** None where it is of neither length. */
function addressOf(content: Uint8Array): readonly string[] {
  if (content.length === 4) return [content.join(".")];
  if (content.length !== 16) return [];
  const groups = (hex(content).match(/.{4}/g) ?? []).join(":");
  // The one short form of the many.
  return [new URL(`http://[${groups}]`).hostname.slice(1, -1)];
}

/** The values that stand one after another; those before the first that is broken. */
function valuesIn(bytes: Uint8Array = new Uint8Array()): readonly Value[] {
  const values: Value[] = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    const short = bytes[at + 1] ?? 0;
    // The long form says first in how many bytes the length stands.
    const lengthBytes = short < 0x80 ? 0 : short & 0x7f;
    const start = at + 2 + lengthBytes;
    let length = lengthBytes === 0 ? short : 0;
    for (const byte of bytes.subarray(at + 2, start)) {
      if (lengthBytes > 0) length = length * 256 + byte;
    }
    if (lengthBytes > 4 || start + length > bytes.length) break;
    values.push({ tag: bytes[at] ?? 0, content: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return values;
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
