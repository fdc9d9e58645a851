import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readUsd } from './money.js';

describe('an amount of USD that people write', () => {
  it('is read exactly, as text or as a number', () => {
    const amounts: [string | number, bigint][] = [
      ['0', 0n],
      ['5', 5_000_000_000n],
      ['0.000123', 123_000n],
      ['9000000', 9_000_000_000_000_000n],
      [0, 0n],
      [-0, 0n],
      [0.1, 100_000_000n],
      [1e-7, 100n],
      [1.5e-8, 15n],
      [1e-9, 1n],
      [0.000001, 1_000n],
      [1234.56789, 1_234_567_890_000n],
      [1e6, 1_000_000_000_000_000n],
      [8_388_607.999999999, 8_388_607_999_999_999n],
      [9_000_000, 9_000_000_000_000_000n],
      ['8999999.999999999', 8_999_999_999_999_999n],
    ];
    for (const [amount, nanoUsd] of amounts) expect(readUsd(amount), String(amount)).toBe(nanoUsd);
  });
  it('is refused as a number that may have been another one before JSON was parsed', () => {
    const seed = Math.trunc(Math.random() * 2 ** 31);
    const amount = fc.tuple(fc.integer({ min: 0, max: 9_000_000 }), fc.integer({ min: 0, max: 999_999_999 }));
    fc.assert(
      fc.property(amount, ([whole, nano]) => {
        const text = `${whole}.${String(nano).padStart(9, '0')}`;
        const read = readUsd(JSON.parse(text) as number);
        expect(read === null ? nano > 0 && whole >= 2 ** 23 : read === readUsd(text), text).toBe(true);
      }),
      { seed },
    );
    for (const wrong of [8_388_608.000000001, 8_999_999.999999999]) expect(readUsd(wrong)).toBeNull();
  });
  it('is refused below zero, beyond 9 decimals and in any other form', () => {
    for (const amount of [
      '-1',
      -1,
      -0.5,
      '0.0000000001',
      1e-10,
      1.25e-9,
      1e21,
      'ten',
      '',
      ' 1',
      '1 ',
      '1e3',
      '1,5',
      '.5',
      '+1',
      NaN,
      Infinity,
    ]) {
      expect(readUsd(amount), String(amount)).toBeNull();
    }
  });
});
