import { describe, expect, it } from 'vitest';
import { isPrivateAddress } from './private-address.js';

describe('a private address', () => {
  it.each([
    // This host, this network, other networks behind it.
    '0.0.0.0', '0.1.2.3', '127.0.0.1', '127.255.255.254', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.0.1', '100.64.0.1', '100.127.255.255',
    // Where clouds keep the credentials of a machine.
    '169.254.169.254', 'fd00:ec2::254',
    // Documentation, benchmarks, relays, multicast, the future.
    '192.0.0.1', '192.0.2.1', '198.18.0.1', '198.51.100.7', '203.0.113.9', '192.88.99.1', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255',
    '::', '::1', '0:0:0:0:0:0:0:1', 'fc00::1', 'fd12:3456::1', 'fe80::1', 'febf::1', 'fec0::1', 'ff02::1', 'ff0e::1',
    '100::1', '2001:db8::1', '2001:2::1', '2001:10::1', '2001:20::1', '3fff::1', '5f00::1', '4000::1', 'e000::1',
    // IPv4 in IPv6: mapped, compatible, translated, NAT64 (well-known and local prefix), 6to4, Teredo.
    '::ffff:127.0.0.1', '::FFFF:7f00:1', '0:0:0:0:0:ffff:a00:1', '::ffff:169.254.169.254',
    '::127.0.0.1', '::7f00:1', '::10.0.0.1', '::ffff:0:127.0.0.1', '64:ff9b::7f00:1', '64:ff9b::127.0.0.1', '64:ff9b:1::7f00:1', '64:ff9b:1:ffff::a00:1',
    '2002:7f00:1::', '2002:a00:1::1', '2002:c0a8:1::1', '2001::1', '2001:0:4136:e378:8000:63bf:80ff:fffe',
    // Of one interface; no address at all.
    'fe80::1%eth0', '2606:4700::1111%eth0', 'nonsense', '', '127.1', '0x7f000001', '2130706433', '1.1.1.1:80', '[2606:4700::1111]',
  ])('is %s', (address) => {
    expect(isPrivateAddress(address)).toBe(true);
  });

  it.each(['1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.1', '100.63.255.255', '100.128.0.1', '172.15.255.255', '172.32.0.1', '192.167.255.255', '223.255.255.255', '2606:4700::1111', '2001:4860:4860::8888', '2a00:1450:4001:81b::200e', '::ffff:1.1.1.1', '::ffff:101:101'])('is not %s', (address) => {
    expect(isPrivateAddress(address)).toBe(false);
  });
});
