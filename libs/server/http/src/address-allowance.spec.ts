import { describe, expect, it } from 'vitest';
import { AddressAllowance, blockOf } from './address-allowance.js';

const takes = (allowance: AddressAllowance, address: string, times: number) =>
  Array.from({ length: times }, () => allowance.take(address)).filter(Boolean).length;

describe('the allowance of an address', () => {
  it('is a burst, and then so much for each second', () => {
    let now = 0;
    const allowance = new AddressAllowance({ burst: 5, perSecond: 2, now: () => now });
    expect(takes(allowance, '10.0.0.1', 100)).toBe(5);
    expect(allowance.allows('10.0.0.1')).toBe(false);
    now = 1_000;
    expect(takes(allowance, '10.0.0.1', 100)).toBe(2);
    now = 3_600_000;
    expect(takes(allowance, '10.0.0.1', 100)).toBe(5);
  });

  it('is nobody else’s', () => {
    const allowance = new AddressAllowance({ burst: 5, perSecond: 2, now: () => 0 });
    takes(allowance, '10.0.0.1', 100);
    expect([allowance.allows('10.0.0.2'), takes(allowance, '10.0.0.2', 100)]).toEqual([true, 5]);
  });

  it('is whole again when what was taken is given back, and never more than that', () => {
    const allowance = new AddressAllowance({ burst: 5, perSecond: 2, now: () => 0 });
    takes(allowance, '10.0.0.1', 5);
    for (let n = 0; n < 20; n++) allowance.giveBack('10.0.0.1');
    expect(takes(allowance, '10.0.0.1', 100)).toBe(5);
  });

  it('is kept for so many addresses, and the one that did least lately is forgotten', () => {
    const allowance = new AddressAllowance({ burst: 1, perSecond: 1, addressesMax: 2, now: () => 0 });
    for (const address of ['10.0.0.1', '10.0.0.2', '10.0.0.1', '10.0.0.3']) allowance.take(address);
    expect(['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((address) => allowance.allows(address))).toEqual([
      false,
      true,
      false,
    ]);
  });

  it.each([
    ['10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['1::', '1:0:0:0::/64'],
    ['64:ff9b::10.1.2.3', '64:ff9b:0:0::/64'],
    ['', ''],
  ])('is shared by what one client can choose from: %s as %s', (address, block) =>
    expect(blockOf(address)).toBe(block),
  );
});
