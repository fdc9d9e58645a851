import { describe, expect, it } from 'vitest';
import { compileAllowedIps, normaliseAddress, parseSubnet } from './index.js';

describe('an allow-list of addresses', () => {
  it('matches addresses and subnets of both families', () => {
    const allows = compileAllowedIps(['192.168.1.0/24', '10.0.0.1', '2001:db8::/32']);
    expect(['192.168.1.77', '10.0.0.1', '2001:db8::5', '::ffff:10.0.0.1'].map(allows)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(['192.168.2.1', '10.0.0.2', '2001:db9::5', '', 'nonsense'].map(allows)).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
  });
  it('reads an IPv4-mapped entry as the IPv4 address it carries', () => {
    expect(compileAllowedIps(['::ffff:10.0.0.0/104'])('10.9.9.9')).toBe(true);
  });
  it('refuses what is neither address nor subnet', () => {
    for (const bad of [
      '',
      '10.0.0',
      '10.0.0.0/33',
      '10.0.0.0/-1',
      '10.0.0.0/8/8',
      '::1/129',
      'fe80::1%eth0',
      '10.0.0.0/08',
      'localhost',
    ]) {
      expect(parseSubnet(bad)).toBeNull();
    }
  });
});

describe('an address', () => {
  it.each([
    ['198.51.100.7', '198.51.100.7'],
    ['2001:DB8:0:0:0:0:0:7', '2001:db8::7'],
    ['2001:0db8::0007', '2001:db8::7'],
    ['::ffff:198.51.100.7', '198.51.100.7'],
    ['::FFFF:c633:6407', '198.51.100.7'],
    ['0:0:0:0:0:ffff:198.51.100.7', '198.51.100.7'],
    ['::', '::'],
  ])('has one form, however it is written: %s', (written, form) => {
    expect(normaliseAddress(written)).toBe(form);
  });

  it.each([
    '',
    'localhost',
    '198.51.100.256',
    '198.51.100.07',
    '1.2.3',
    'fe80::1%eth0',
    '2001:db8::g',
    '::ffff:1.2.3.4.5',
  ])('is none: %j', (written) => {
    expect(normaliseAddress(written)).toBeNull();
  });
});
