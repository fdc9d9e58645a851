import { normaliseAddress } from '@tollgate/api-key';

/**
 * The beginning of every header of the PROXY protocol, version 2
 * (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, section 2.2). No HTTP request begins like this.
 */
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** The signature, the command, the kind of the addresses, and the length of what follows. */
const FIXED_BYTES = 16;
/** Version 2 in the upper half of the byte, the command in the lower half. */
const LOCAL = 0x20;
const PROXY = 0x21;
/** TCP, by IPv4 and by IPv6. */
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;

/** The client of a connection, as its header names it. */
export interface ProxiedClient {
  readonly address: string;
  readonly port: number;
  readonly family: 'IPv4' | 'IPv6';
}

/**
 * What the beginning of a connection says. `more`: the header is not whole; at least that many bytes of the connection
 * are needed. `whole`: it has that many bytes; `client` is null for a connection that the balancer has made for itself,
 * as a health check. `fault`: it is no header that names a client.
 */
export type ProxyHeaderReading =
  | { readonly kind: 'more'; readonly bytes: number }
  | { readonly kind: 'whole'; readonly bytes: number; readonly client: ProxiedClient | null }
  | { readonly kind: 'fault'; readonly fault: string };

/**
 * Reads the header at the beginning of a connection. What follows the addresses (TLVs) is passed over, and so is all
 * that follows the command LOCAL, which may hold addresses that mean nothing.
 */
export function readProxyHeader(start: Buffer): ProxyHeaderReading {
  const signed = Math.min(start.length, SIGNATURE.length);
  if (start.compare(SIGNATURE, 0, signed, 0, signed) !== 0) return faulty('there is no header of the PROXY protocol');
  // One byte more: what is no header is told by its first byte that differs.
  if (start.length < FIXED_BYTES) return { kind: 'more', bytes: start.length + 1 };
  const command = start.readUInt8(12);
  const kind = start.readUInt8(13);
  const announced = start.readUInt16BE(14);
  if (command !== LOCAL && command !== PROXY) return faulty('its version or its command is unknown');
  const addressBytes = command === LOCAL ? 0 : ADDRESS_BYTES.get(kind);
  if (addressBytes === undefined) return faulty('it names no client of TCP');
  if (announced < addressBytes) return faulty('it is too short for its addresses');
  const bytes = FIXED_BYTES + announced;
  if (start.length < bytes) return { kind: 'more', bytes };
  return { kind: 'whole', bytes, client: command === LOCAL ? null : clientOf(start, kind) };
}

/** Two addresses and two ports. */
const ADDRESS_BYTES: ReadonlyMap<number, number> = new Map([
  [TCP_OVER_IPV4, 12],
  [TCP_OVER_IPV6, 36],
]);

function clientOf(header: Buffer, kind: number): ProxiedClient {
  if (kind === TCP_OVER_IPV4) {
    const address = [...header.subarray(FIXED_BYTES, FIXED_BYTES + 4)].join('.');
    return { address, port: header.readUInt16BE(FIXED_BYTES + 8), family: 'IPv4' };
  }
  const groups = Array.from({ length: 8 }, (_, at) => header.readUInt16BE(FIXED_BYTES + 2 * at).toString(16));
  const text = groups.join(':');
  const address = normaliseAddress(text) ?? text;
  return { address, port: header.readUInt16BE(FIXED_BYTES + 32), family: address.includes(':') ? 'IPv6' : 'IPv4' };
}

const faulty = (fault: string): ProxyHeaderReading => ({ kind: 'fault', fault });
