import { BlockList, isIP } from 'node:net';

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
  const mapped = address !== addressText.toLowerCase() && isIP(addressText) === 6;
  const prefixLength = lengthText === undefined ? width : Number(lengthText) - (mapped ? 96 : 0);
  if (prefixLength < 0 || prefixLength > width) return null;
  return { address, prefixLength, family: width === 32 ? 'ipv4' : 'ipv6' };
}

/** The address in the form for comparison: IPv4-mapped IPv6 becomes IPv4. Null if the text is no address. */
export function normaliseAddress(text: string): string | null {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text);
  const address = (mapped?.[1] ?? text).toLowerCase();
  return isIP(address) === 0 || address.includes('%') ? null : address;
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
