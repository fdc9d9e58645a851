import { describe, expect, it } from 'vitest';
import { clientAddressOf } from './client-address.js';
import { peerAddress } from './peer-address.js';

describe('the address of who connected', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['fe80::1%3', 'fe80::1'],
    ['::1', '::1'],
    ['', ''],
    [undefined, ''],
  ])('is, where the socket has %s, %s', (remoteAddress, address) => {
    expect(peerAddress(remoteAddress)).toBe(address);
    if (remoteAddress !== undefined) expect(clientAddressOf({ ip: remoteAddress })).toBe(address);
  });
});
