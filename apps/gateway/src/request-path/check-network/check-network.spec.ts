import { compileAllowedIps } from '@tollgate/api-key';
import { describe, expect, it } from 'vitest';
import type { Identified } from '../exchange/exchange.js';
import { checkNetwork } from './check-network.js';

const check = (allowedIps: readonly string[] | null, clientAddress: string): string | undefined =>
  checkNetwork({
    key: { allowsAddress: allowedIps && compileAllowedIps(allowedIps) },
    clientAddress,
    addressIsKnown: true,
  } as unknown as Identified)?.code;

describe('the network of a key', () => {
  it.each<[readonly string[] | null, string]>([
    [null, '203.0.113.7'],
    [null, ''],
    [['203.0.113.7'], '203.0.113.7'],
    [['10.0.0.0/8', '203.0.113.0/24'], '203.0.113.255'],
    [['2001:db8::/32'], '2001:db8::1'],
    [['203.0.113.7'], '::ffff:203.0.113.7'],
  ])('%j takes calls from %j', (allowedIps, address) => {
    expect(check(allowedIps, address)).toBeUndefined();
  });

  it('admits no address that a proxy does not tell, and takes it where there is no list', () => {
    const hidden = (allowedIps: readonly string[] | null) =>
      checkNetwork({
        key: { allowsAddress: allowedIps && compileAllowedIps(allowedIps) },
        clientAddress: '10.0.0.1',
        addressIsKnown: false,
      } as unknown as Identified)?.code;
    expect(hidden(['10.0.0.1'])).toBe('ip_not_allowed');
    expect(hidden(null)).toBeUndefined();
  });

  it.each<[readonly string[], string]>([
    [[], '203.0.113.7'],
    [['203.0.113.7'], '203.0.113.8'],
    [['10.0.0.0/8'], '11.0.0.1'],
    [['2001:db8::/32'], '2001:db9::1'],
    [['0.0.0.0/0'], '2001:db8::1'],
    [['203.0.113.7'], ''],
    [['203.0.113.7'], 'localhost'],
    [['203.0.113.7'], '203.0.113.7, 198.51.100.1'],
  ])('%j refuses calls from %j', (allowedIps, address) => {
    expect(check(allowedIps, address)).toBe('ip_not_allowed');
  });
});
