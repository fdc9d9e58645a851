import { BlockList, isIP } from 'node:net';

export interface Subnet {
  readonly address: string;
  readonly prefixLength: number;
  readonly family: 'ipv4' | 'ipv6';
}

/**
 * An address (`10.0.0.1`) or subnet (`192.168.1.0/24`, `2001:db8::/32`) as a subnet; null where it is neither.
 * IPv4-mapped IPv6 addresses are read as the IPv4 address they carry.
 */
export function parseSubnet(text: string): Subnet | null {
  const [addressText, lengthText, ...rest] = text.split('/');
  if (addressText === undefined || rest.length > 0) return null;
  const address = normaliseAddress(addressText);
  if (address === null) return null;
  const width = isIP(address) === 4 ? 32 : 128;
  if (lengthText !== undefined && !/^(0|[1-9]\d{0,2})$/.test(lengthText)) return null;
  const mapped = address !== addressText.toLowerCase() && isIP(addressText) === 6;
  const prefixLength = lengthText === undefined ? width : Number(lengthText) - (mapped ? 96 : 0);
  if (prefixLength < 0 || prefixLength > width) return null;
  return { address, prefixLength, family: width === 32 ? 'ipv4' : 'ipv6' };
}

/** The address in the form lists are compared in: IPv4-mapped IPv6 becomes IPv4; null where it is no address. */
export function normaliseAddress(text: string): string | null {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text);
  const address = (mapped?.[1] ?? text).toLowerCase();
  return isIP(address) === 0 || address.includes('%') ? null : address;
}

/**
 * A test of addresses against a list of addresses and subnets. Entries that cannot be read match nothing. The last
 * answer is remembered: most callers of a key come from one address, again and again.
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
