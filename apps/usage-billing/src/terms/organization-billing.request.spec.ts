import { describe, expect, it } from 'vitest';
import { organizationBillingRequest, percentOf, readMarkup } from './organization-billing.request.js';

describe('a mark-up', () => {
  it.each([
    [0, 0],
    ['5', 50_000],
    [12.5, 125_000],
    ['0.0001', 1],
    [1_000, 10_000_000],
  ])('of %j percent is %i millionths, and is shown as it was set', (percent, millionths) => {
    expect(readMarkup(percent)).toBe(millionths);
    expect(percentOf(millionths)).toBe(Number(percent));
  });
  it.each([-1, 1_000.1, '1e2', 1e-7, '0.00001', '', ' 5', 'NaN', NaN, Infinity])('is not %j', (percent) => {
    expect(readMarkup(percent)).toBeNull();
    const read = organizationBillingRequest.safeParse({ markup_percent: percent });
    expect(read.error?.issues[0]).toMatchObject({ path: ['markup_percent'] });
  });
});
