import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The part of IPv6 that is given out for the internet (RFC 4291 §2.4, IANA's registry of IPv6 address space). */
const GLOBAL_UNICAST: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3];

/**
 * Whether a provider on the internet cannot have an address: an answer of DNS that names one is an attack or a mistake.
 * That is every address of a range for a special purpose. Addresses that carry one of IPv4 (6to4, Teredo, NAT64,
 * compatible ones) are such, wherever the carried one leads; only a mapped one is judged by what it carries. So is
 * what is no address, or holds for one interface of this host alone.
 */
export function isPrivateAddress(address: string): boolean {
  if (isIP(address) === 0 || address.includes('%')) return true;
  // Makes the IPv4 address of a mapped one.
  const read = ipaddr.process(address);
  if (read.range() !== 'unicast') return true;
  // The library takes what has no purpose yet for unicast, `::127.0.0.1` among it.
  return read instanceof ipaddr.IPv6 && !read.match(GLOBAL_UNICAST);
}
