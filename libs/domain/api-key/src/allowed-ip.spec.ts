import { describe, expect, it } from 'vitest';
import { compileAllowedIps, parseSubnet } from './index.js';

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
