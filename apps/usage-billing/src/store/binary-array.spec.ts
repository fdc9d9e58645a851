import { describe, expect, it } from 'vitest';
import { binaryArray, type ColumnType } from './binary-array.js';

/** The elements of an array, without its header. */
const elements = (type: ColumnType, ...values: unknown[]) => binaryArray(type, values).subarray(20).toString('hex');

describe('binaryArray', () => {
  it('begins with one dimension, the type of its elements and their number', () => {
    expect(binaryArray('bigint', [1, null]).toString('hex')).toBe(
      '00000001' + '00000001' + '00000014' + '00000002' + '00000001' + '00000008' + '0000000000000001' + 'ffffffff',
    );
  });
  it('has whole numbers of any size and sign, as text or as number', () => {
    expect(elements('bigint', '9007199254740991')).toBe('00000008' + '001fffffffffffff');
    expect(elements('bigint', -1)).toBe('00000008' + 'ffffffffffffffff');
    expect(elements('bigint', '-5000000000')).toBe('00000008' + 'fffffffed5fa0e00');
    expect(elements('bigint', '9223372036854775807')).toBe('00000008' + '7fffffffffffffff');
  });
  it('has texts in UTF-8, and jsonb with its version', () => {
    expect(elements('text', 'é€😀', '')).toBe('00000009' + 'c3a9e282acf09f9880' + '00000000');
    expect(elements('jsonb', '["é"]')).toBe('00000007' + '01' + '5b22c3a9225d');
  });
  it('has moments in microseconds and days since 2000', () => {
    expect(elements('timestamptz', '2000-01-01T00:00:00.001Z', '1999-12-31T23:59:59.999Z')).toBe(
      '00000008' + '00000000000003e8' + '00000008' + 'fffffffffffffc18',
    );
    expect(elements('date', '2000-01-02', '1999-12-31')).toBe('00000004' + '00000001' + '00000004' + 'ffffffff');
  });
  it('has UUIDs of either case, and booleans', () => {
    const hex = '018f4b3e7c1a70008000abcdef000001';
    expect(elements('uuid', '018F4B3E-7c1a-7000-8000-ABCDEF000001')).toBe(`00000010${hex}`);
    expect(elements('boolean', true, false)).toBe('00000001' + '01' + '00000001' + '00');
  });
  it.each([
    ['bigint', '9223372036854775808', '22003'],
    ['bigint', 1.5, '22P02'],
    ['bigint', 'many', '22P02'],
    ['timestamptz', 'tomorrow', '22007'],
    ['uuid', '018f4b3e', '22P02'],
    ['uuid', 'x18f4b3e-7c1a-7000-8000-abcdef000001', '22P02'],
  ] as const)('refuses as the database does what %s cannot hold: %s', (type, value, code) => {
    expect(() => binaryArray(type, [value])).toThrow(expect.objectContaining({ code }) as Error);
  });
});
