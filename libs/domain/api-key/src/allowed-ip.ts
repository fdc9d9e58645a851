import { BlockList, isIP, SocketAddress } from 'node:net';

/** A range of IP addresses in CIDR form. */
export interface Subnet {
  readonly address: string;
  readonly prefixLength: number;
  readonly family: 'ipv4' | 'ipv6';
}

/**
 * Parses an address (`10.0.0.1`) or a subnet (`192.168.1.0/24`, `2001:db8::/32`); null if it is neither. An IPv4-mapped
 * IPv6 address is read as the IPv4 address that it contains.
 */
export function parseSubnet(text: string): Subnet | null {
  const [addressText, lengthText, ...rest] = text.split('/');
  if (addressText === undefined || rest.length > 0) return null;
  const address = normaliseAddress(addressText);
  if (address === null) return null;
  const width = isIP(address) === 4 ? 32 : 128;
  if (lengthText !== undefined && !/^(0|[1-9]\d{0,2})$/.test(lengthText)) return null;
  const mapped = width === 32 && isIP(addressText) === 6;
  const prefixLength = lengthText === undefined ? width : Number(lengthText) - (mapped ? 96 : 0);
  if (prefixLength < 0 || prefixLength > width) return null;
  return { address, prefixLength, family: width === 32 ? 'ipv4' : 'ipv6' };
}

/**
 * The address in its one form, by which it is compared and shown: IPv4-mapped IPv6 becomes IPv4, and IPv6 is as short
 * as it can be (RFC 5952). Null if the text is no address.
 */
export function normaliseAddress(text: string): string | null {
  const kind = isIP(text);
  if (kind === 4) return text;
  if (kind === 0 || text.includes('%')) return null;
  return mappedIpv4(text) ?? shortIpv6(text);
}

/** The IPv4 address in the usual spelling of a mapped one, in which sockets have it; null where it is another. */
function mappedIpv4(ipv6: string): string | null {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ipv6)?.[1] ?? null;
}

function shortIpv6(ipv6: string): string {
  const { address } = new SocketAddress({ address: ipv6, family: 'ipv6' });
  return mappedIpv4(address) ?? address;
}

/**
 * Makes a function that tests addresses against a list of addresses and subnets. Entries that cannot be parsed match
 * nothing. The function caches its last answer, because most requests of a key come from the same address.
 */
export function compileAllowedIps(entries: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const entry of entries) {
    const subnet = parseSubnet(entry);
    if (subnet !== null) list.addSubnet(subnet.address, subnet.prefixLength, subnet.family);
  }
  const allows = (address: string): boolean => {
    const normal = normaliseAddress(address);
    return normal !== null && list.check(normal, isIP(normal) === 4 ? 'ipv4' : 'ipv6');
  };
  let last = '';
  let answer = allows(last);
  return (address) => {
    if (address !== last) {
      answer = allows(address);
      last = address;
    }
    return answer;
  };
}
