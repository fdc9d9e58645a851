import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The part of IPv6 that is assigned to the internet (RFC 4291 §2.4, IANA's registry of IPv6 address space). */
const GLOBAL_UNICAST: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3];

/**
 * Whether a server on the internet cannot have this address, so that a DNS answer with it is an attack or a mistake.
 * True for all addresses of special-purpose ranges. Addresses that contain an IPv4 address (6to4, Teredo, NAT64,
 * compatible ones) are always among them; only a mapped one is judged by the IPv4 address in it. Also true for texts
 * that are no address, and for addresses of one interface of this host.
 */
export function isPrivateAddress(address: string): boolean {
  if (isIP(address) === 0 || address.includes('%')) return true;
  // Converts a mapped address to its IPv4 address.
  const read = ipaddr.process(address);
  if (read.range() !== 'unicast') return true;
  // The library takes unassigned addresses for unicast, such as `::127.0.0.1`.
  return read instanceof ipaddr.IPv6 && !read.match(GLOBAL_UNICAST);
}
