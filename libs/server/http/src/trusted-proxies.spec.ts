import { describe, expect, it } from 'vitest';
import { TrustedProxies } from './trusted-proxies.js';

const proxies = new TrustedProxies([
  { addresses: ['10.0.0.0/8', '2001:db8:ff::/48', 'fe80::/10'], header: 'x-forwarded-for' },
  { addresses: ['172.16.0.1'], header: 'forwarded' },
]);
const of = (remoteAddress: string | undefined, headers: Record<string, string> = {}) =>
  proxies.clientOf({ headers, socket: { remoteAddress } });
const known = (address: string) => ({ address, isKnown: true });

describe('the address of a client behind proxies', () => {
  it.each([
    ['nobody trusted, whatever they say', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['a proxy that says nothing', '10.0.0.1', undefined, '10.0.0.1'],
    ['a proxy', '10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['a proxy in IPv6 form', '::ffff:10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['a proxy on the same link', 'fe80::1%eth0', '198.51.100.1', '198.51.100.1'],
    ['a client on the same link', 'fec0::1%eth0', '198.51.100.1', 'fec0::1'],
    ['a client in hexadecimal IPv6 form', '10.0.0.1', '0:0:0:0:0:FFFF:c633:6401', '198.51.100.1'],
    ['a client between blanks', '10.0.0.1', '192.0.2.1,\t198.51.100.1 \t', '198.51.100.1'],
    ['a client that calls itself a proxy', '10.0.0.1', '192.0.2.1, 10.0.0.9, 198.51.100.1', '198.51.100.1'],
    ['a client that writes a long list', '10.0.0.1', `${'10.0.0.9,'.repeat(100_000)}198.51.100.1`, '198.51.100.1'],
    ['a client in IPv6 form', '10.0.0.1', '::ffff:198.51.100.1', '198.51.100.1'],
    ['a client of IPv6', '2001:db8:ff::1', '2001:DB8::1', '2001:db8::1'],
    ['a client with a port', '10.0.0.1', '198.51.100.1:4711', '198.51.100.1'],
    ['a client of IPv6 with a port', '10.0.0.1', '[2001:db8::1]:4711', '2001:db8::1'],
    ['two proxies', '10.0.0.1', '198.51.100.1, 10.0.0.2', '198.51.100.1'],
    ['what the client invented before', '10.0.0.1', '192.0.2.1, 198.51.100.1', '198.51.100.1'],
    ['what the client invented, though it is nothing', '10.0.0.1', 'x"; drop,, 198.51.100.1', '198.51.100.1'],
    ['proxies alone', '10.0.0.1', '10.0.0.3,10.0.0.2', '10.0.0.3'],
    ['the header of the other proxy', '172.16.0.1', '198.51.100.1', '172.16.0.1'],
  ])('is told by %s', (_, peer, forwarded, address) => {
    expect(of(peer, forwarded === undefined ? {} : { 'x-forwarded-for': forwarded })).toEqual(known(address));
  });

  // A proxy that writes X-Forwarded-For passes on what its client wrote as Forwarded, and the other way round.
  it.each([
    ['nearest writes Forwarded', '172.16.0.1', 'for=192.0.2.66, for=10.0.0.1', '192.0.2.77, 198.51.100.1'],
    ['nearest writes X-Forwarded-For', '10.0.0.1', 'for=192.0.2.66, for=198.51.100.1', '192.0.2.77, 172.16.0.1'],
    [
      'nearest and the farthest write X-Forwarded-For',
      '10.0.0.1',
      'for=192.0.2.66, for=10.0.0.2',
      '192.0.2.77, 198.51.100.1, 172.16.0.1',
    ],
  ])('is told by each proxy in its own header alone, where the %s', (_, peer, forwarded, xForwardedFor) => {
    expect(of(peer, { forwarded, 'x-forwarded-for': xForwardedFor })).toEqual(known('198.51.100.1'));
  });

  it('is that of a proxy which has not written its own header, whatever its client wrote as the other one', () => {
    expect(of('172.16.0.1', { forwarded: 'for=10.0.0.1' })).toEqual(known('10.0.0.1'));
    expect(of('172.16.0.1', { 'x-forwarded-for': '192.0.2.66' })).toEqual(known('172.16.0.1'));
    expect(of('10.0.0.1', { forwarded: 'for=192.0.2.66', 'x-forwarded-for': '172.16.0.1' })).toEqual(
      known('192.0.2.66'),
    );
  });

  it.each([
    ['for=198.51.100.1', '198.51.100.1'],
    ['for="198.51.100.1:_port"', '198.51.100.1'],
    ['FOR="[2001:db8::1]:_a.b-c"', '2001:db8::1'],
    ['for="[::ffff:198.51.100.1]:80"', '198.51.100.1'],
    ['For="[2001:db8::1]:4711";proto=https', '2001:db8::1'],
    ['for=192.0.2.1, for=198.51.100.1;by=203.0.113.1', '198.51.100.1'],
    ['by="a,b;c";for="198.51.100.1"', '198.51.100.1'],
    ['for="192.0.2.1, for=192.0.2.2", for=198.51.100.1', '198.51.100.1'],
    ['for=198.51.100.1, for=172.16.0.1', '198.51.100.1'],
    [' , for=198.51.100.1 ; proto=https;,', '198.51.100.1'],
    ['for="192.0.2.1\\", for=192.0.2.2", for="198.51.100.1"', '198.51.100.1'],
  ])('is read of Forwarded: %s', (forwarded, address) => {
    expect(of('172.16.0.1', { forwarded, 'x-forwarded-for': '192.0.2.9' })).toEqual(known(address));
  });

  // A proxy that adds its own element to whatever a client has sent: `, for="198.51.100.1"`.
  it.each([
    'for=192.0.2.1;x="',
    'for=192.0.2.1;x="\\',
    'for=192.0.2.1;x="";y="',
    'for=192.0.2.1;"',
    'for=192.0.2.1, "',
    'for="192.0.2.1',
    'for=192.0.2.1;for=192.0.2.2',
    'for = 192.0.2.1',
    'for',
    'x y=z',
  ])('is refused where a client has left open what a proxy went on with: %s', (invented) => {
    for (const added of ['for="198.51.100.1"', 'by="203.0.113.1";for="[2001:db8::1]:1"', 'for=198.51.100.1'])
      expect(of('172.16.0.1', { forwarded: `${invented}, ${added}` })).toEqual({
        fault: 'The header forwarded cannot be read.',
      });
  });

  it('is read in a time that grows as the header does', () => {
    const many = 4_000_000;
    for (const text of ['"' + '\\"'.repeat(many), `for=${' '.repeat(many)}x y`, ' '.repeat(many), '; '.repeat(many)])
      of('172.16.0.1', { forwarded: text });
  });

  it.each(['unknown', 'UNKNOWN', '_hidden', '_SEVKISEK:_port', 'unknown:4711'])(
    'counts as the proxy where that tells %s alone',
    (hidden) => {
      const hiddenBehind = (address: string) => ({ address, isKnown: false });
      expect(of('10.0.0.1', { 'x-forwarded-for': hidden })).toEqual(hiddenBehind('10.0.0.1'));
      expect(of('10.0.0.1', { 'x-forwarded-for': `${hidden}, 10.0.0.2` })).toEqual(hiddenBehind('10.0.0.2'));
      expect(of('172.16.0.1', { forwarded: `for="${hidden}"` })).toEqual(hiddenBehind('172.16.0.1'));
      expect(of('172.16.0.1', { forwarded: 'proto=https' })).toEqual(hiddenBehind('172.16.0.1'));
    },
  );

  it.each([
    '',
    'localhost',
    '198.51.100.256',
    '198.051.100.1',
    '0xc6.51.100.1',
    '3325256705',
    '198.51.100.1;198.51.100.2',
    '198.51.100.1 198.51.100.2',
    '198.51.100.1\0',
    '[fe80::1%25eth0]:80',
    '_',
    '198.51.100.1:',
    '1.2.3',
    '[198.51.100.1]',
    'fe80::1%eth0',
    '2001:db8::g',
  ])('is refused where a trusted proxy says what is none: %s', (wrong) => {
    expect(of('10.0.0.1', { 'x-forwarded-for': `198.51.100.1, ${wrong}` })).toEqual({
      fault: 'The header x-forwarded-for has an address that is none.',
    });
    expect(of('172.16.0.1', { forwarded: `for="${wrong}"` })).toHaveProperty('fault');
    expect(of('203.0.113.9', { 'x-forwarded-for': wrong })).toEqual(known('203.0.113.9'));
  });

  it('is nothing where the connection has gone', () => {
    expect(of(undefined)).toEqual(known(''));
  });
});
