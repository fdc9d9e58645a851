import { BlockList, isIP } from 'node:net';
import type { IncomingMessage } from 'node:http';
import { normaliseAddress, parseSubnet } from '@tollgate/api-key';
import { peerAddress } from './peer-address.js';

/** The headers in which proxies say from whom a request came. */
type ForwardingHeader = 'x-forwarded-for' | 'forwarded';

/** Proxies in front of us whose word on the client's address is believed. */
export interface TrustedProxy {
  /** Addresses and networks that it connects from. */
  readonly addresses: readonly string[];
  /** The header that it adds to, and never passes on as a client wrote it. */
  readonly header: ForwardingHeader;
}

/** From whom a request came. */
export interface ClientAddress {
  /** The client's, or that of the last proxy that we know of: what limits count by. */
  readonly address: string;
  /** Whether it is the client's own. A proxy may keep that to itself; no list of allowed networks admits it then. */
  readonly isKnown: boolean;
}

/** The client's address, or what is wrong with the word of a trusted proxy, for its sender. */
export type ClientAddressReading = ClientAddress | { readonly fault: string };

type Asking = Pick<IncomingMessage, 'headers'> & { readonly socket: { readonly remoteAddress?: string | undefined } };
type AddressTest = (address: string) => boolean;

/**
 * Reads the client's address of requests that come through proxies. The chain is read from the end, where the nearest
 * proxy has written: each address that is itself a trusted proxy's is believed about the one before it, and the first
 * that is not is the client. What stands before that, a client can have invented, and it is not looked at.
 *
 * Each proxy is believed by its own header alone, because it passes the other one on as a client has written it. Where
 * proxies with different headers stand behind each other, the two lists are read in turn, each from its end.
 *
 * `unknown` and names such as `_hidden` (RFC 7239, section 6) stand for a client that a proxy does not tell: limits
 * count its requests as the proxy's, and it has no address for anything else.
 */
export class TrustedProxies {
  readonly #proxies: readonly { readonly trusts: AddressTest; readonly header: TrustedProxy['header'] }[];

  constructor(proxies: readonly TrustedProxy[]) {
    this.#proxies = proxies.map(({ addresses, header }) => ({ trusts: addressTest(addresses), header }));
  }

  /** From whom a request came, as far as we know it. */
  clientOf({ headers, socket }: Asking): ClientAddressReading {
    const lists: Partial<Record<ForwardingHeader, string[] | null>> = {};
    let hop = peerAddress(socket.remoteAddress);
    for (;;) {
      const header = this.#headerOf(hop);
      if (header === undefined) return { address: hop, isKnown: true };
      lists[header] ??= hopsIn(header, headers[header]);
      const list = lists[header];
      if (list === null) return { fault: `The header ${header} cannot be read.` };
      const before = list.pop();
      // The request is the proxy's own.
      if (before === undefined) return { address: hop, isKnown: true };
      const node = nodeOf(before.trim());
      if (node === null) return { fault: `The header ${header} has an address that is none.` };
      if (node === 'hidden') return { address: hop, isKnown: false };
      hop = node;
    }
  }

  /** The header that the proxy of an address writes; undefined where it is no trusted proxy. */
  #headerOf(address: string): ForwardingHeader | undefined {
    return this.#proxies.find(({ trusts }) => trusts(address))?.header;
  }
}

/** The hops that a header names, the farthest first; null for one that cannot be read. */
function hopsIn(header: ForwardingHeader, given: string | string[] | undefined): string[] | null {
  if (given === undefined) return [];
  // Node.js joins these headers where they are repeated, in order.
  return header === 'forwarded' ? forwardedHops(String(given)) : String(given).split(',');
}

function addressTest(addresses: readonly string[]): AddressTest {
  const list = new BlockList();
  for (const entry of addresses) {
    const subnet = parseSubnet(entry);
    if (subnet !== null) list.addSubnet(subnet.address, subnet.prefixLength, subnet.family);
  }
  return (address) => isIP(address) !== 0 && list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}

/** One hop: an address with or without a port, `hidden` where a proxy does not tell it, null where it is neither. */
function nodeOf(text: string): string | null {
  if (/^(?:unknown|_[\w.-]+)(?::[\w.-]+)?$/i.test(text)) return 'hidden';
  const bracketed = /^\[([0-9A-Fa-f:.]+)\](?::(?:\d{1,5}|_[\w.-]+))?$/.exec(text)?.[1];
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? normaliseAddress(bracketed) : null;
  const [, withPort] = /^(\d+\.\d+\.\d+\.\d+):(?:\d{1,5}|_[\w.-]+)$/.exec(text) ?? [];
  return normaliseAddress(withPort ?? text);
}

/** One parameter of an element of `Forwarded` (RFC 7239, section 4). It begins where the last one ended. */
const PARAMETER = /[ \t]*([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))/y;
const BLANKS = /[ \t]*/y;

/**
 * The `for` of each element of `Forwarded`; a proxy that writes an element without one does not tell. Null for a text
 * that is not wholly as it must be: a quote that a client has left open would swallow the beginning of what the proxy
 * has added, and what the client wrote before would be taken for the proxy's word.
 */
function forwardedHops(text: string): string[] | null {
  const hops: string[] = [];
  let element = new Map<string, string>();
  for (let at = 0; ; at++) {
    PARAMETER.lastIndex = at;
    const [whole = '', name = '', quoted, plain = ''] = PARAMETER.exec(text) ?? [];
    if (whole !== '') {
      if (element.has(name.toLowerCase())) return null;
      element.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain);
    }
    BLANKS.lastIndex = at + whole.length;
    BLANKS.test(text);
    at = BLANKS.lastIndex;
    const end = text[at];
    if (end !== undefined && end !== ',' && end !== ';') return null;
    if (end === ';') continue;
    // An empty element of a list is none.
    if (element.size > 0) hops.push(element.get('for') ?? 'unknown');
    element = new Map();
    if (end === undefined) return hops;
  }
}
