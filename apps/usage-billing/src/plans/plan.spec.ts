import { expect, it } from 'vitest';
import { versionAt, type PlanVersion } from './plan.js';

const version = (number: number, fromMs: number): PlanVersion => ({
  planId: 'p',
  version: number,
  fromMs,
  quotaNanoUsd: BigInt(number),
  priceNanoUsd: 0n,
  markupMillionths: null,
  models: null,
  rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
  paygAllowed: true,
});

it('a change of a plan counts for the cycles that begin at its moment or later', () => {
  const versions = [version(2, 2_000), version(1, 1_000), version(3, 2_500)];
  expect([0, 1_000, 1_999, 2_000, 2_499, 2_500, 9_000].map((ms) => versionAt(versions, ms).version)).toEqual([
    1, 1, 1, 2, 2, 3, 3,
  ]);
});
