/** How a listener on `::` writes the address of a peer that came by IPv4. */
const MAPPED = '::ffff:';

/**
 * The address of whoever connected, from how a socket writes it. An IPv4 address in IPv6 form becomes IPv4. The zone of
 * a link-local address (`fe80::1%eth0`) is dropped: it names one of our interfaces, and no list of networks has it.
 */
export function peerAddress(remoteAddress: string | undefined): string {
  if (remoteAddress === undefined) return '';
  if (remoteAddress.startsWith(MAPPED) && remoteAddress.includes('.')) return remoteAddress.slice(MAPPED.length);
  const zone = remoteAddress.indexOf('%');
  return zone === -1 ? remoteAddress : remoteAddress.slice(0, zone);
}
