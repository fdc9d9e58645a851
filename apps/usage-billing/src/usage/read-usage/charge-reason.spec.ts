import { USAGE_OUTCOMES } from '@tollgate/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chargeReason } from './charge-reason.js';

const event = (fields: Partial<Parameters<typeof chargeReason>[0]>) =>
  chargeReason({
    outcome: 'completed',
    usageSource: 'provider',
    costNanoUsd: 10n,
    chargeNanoUsd: 10n,
    billableNanoUsd: null,
    holdNanoUsd: null,
    unpriced: false,
    ...fields,
  });

describe('why a request was charged what it was', () => {
  it.each([
    ['reported', {}, 'provider_reported', 'provider reported'],
    ['reported, well below its hold', { holdNanoUsd: 20n }, 'provider_reported', 'provider reported'],
    ['reported, and just the hold', { holdNanoUsd: 10n }, 'provider_reported', 'provider reported'],
    ['reported, and free', { costNanoUsd: 0n, chargeNanoUsd: 0n }, 'provider_reported', 'costs nothing'],
    ['without a price', { costNanoUsd: 0n, chargeNanoUsd: 0n, unpriced: true }, 'provider_reported', 'is not known'],
    ['counted', { usageSource: 'counted' }, 'counted', 'reported none'],
    ['counted when the client left', { usageSource: 'counted', outcome: 'client_left' }, 'counted', 'client left'],
    [
      'counted when the provider broke off',
      { usageSource: 'counted', outcome: 'provider_interrupted' },
      'counted',
      'broke off',
    ],
    ['counted when the key leaked', { usageSource: 'counted', outcome: 'revoked' }, 'counted', 'leaked'],
    ['counted when the gateway was killed', { usageSource: 'counted', outcome: 'orphaned' }, 'counted', 'killed'],
    ['dearer than its hold', { chargeNanoUsd: 7n, holdNanoUsd: 7n }, 'capped_by_hold', 'no more than the hold'],
    ['dearer than what was left', { chargeNanoUsd: 3n, holdNanoUsd: 7n }, 'capped_by_limit', 'left of a credit limit'],
    [
      'reported beyond all that is plausible',
      { chargeNanoUsd: 7n },
      'capped_as_implausible',
      'the rest is not charged',
    ],
    [
      'booked when nothing was left',
      { chargeNanoUsd: 0n, holdNanoUsd: 7n },
      'capped_by_limit',
      'left of a credit limit',
    ],
    [
      'failed',
      { usageSource: 'none', outcome: 'provider_failed', costNanoUsd: 0n, chargeNanoUsd: 0n, holdNanoUsd: 7n },
      'nothing_owed',
      'the provider failed',
    ],
    [
      'failed, and reported usage all the same',
      { outcome: 'provider_failed', chargeNanoUsd: 0n, billableNanoUsd: 0n },
      'nothing_owed',
      'a provider reported usage',
    ],
    [
      'failed after it had reported usage, with a limit',
      { outcome: 'provider_failed', chargeNanoUsd: 0n, billableNanoUsd: 0n, holdNanoUsd: 7n },
      'nothing_owed',
      'a provider reported usage',
    ],
    [
      'answered after an attempt that reported usage',
      { chargeNanoUsd: 4n, billableNanoUsd: 4n },
      'provider_reported',
      'attempts without an answer is not charged',
    ],
    [
      'answered after such an attempt, and dearer than its hold',
      { chargeNanoUsd: 3n, billableNanoUsd: 4n, holdNanoUsd: 3n },
      'capped_by_hold',
      'attempts without an answer is not charged',
    ],
    [
      'charged the most that there is',
      { costNanoUsd: 9_000_000_000_000_000n, chargeNanoUsd: 9_000_000_000_000_000n },
      'capped_as_implausible',
      'No more than 9000000 USD are charged for one call.',
    ],
    [
      'refused',
      { usageSource: 'none', outcome: 'provider_refused', costNanoUsd: 0n, chargeNanoUsd: 0n },
      'nothing_owed',
      'refused the request',
    ],
    [
      'killed at once',
      { usageSource: 'none', outcome: 'orphaned', costNanoUsd: 0n, chargeNanoUsd: 0n },
      'nothing_owed',
      'killed',
    ],
  ] as const)('%s', (_what, fields, reason, words) => {
    expect(event(fields)).toEqual({ reason, explanation: expect.stringContaining(words) });
  });

  it('is said of every event in whole sentences, also of kinds of a later release', () => {
    const kinds = fc.record({
      outcome: fc.oneof(fc.constantFrom(...USAGE_OUTCOMES), fc.constant('of a later release')),
      usageSource: fc.constantFrom('provider', 'counted', 'none', 'of a later release'),
      holdNanoUsd: fc.option(fc.bigInt(0n, 20n)),
    });
    fc.assert(
      fc.property(kinds, fc.bigInt(0n, 20n), fc.bigInt(0n, 20n), (fields, charge, loss) => {
        const { reason, explanation } = event({ ...fields, costNanoUsd: charge + loss, chargeNanoUsd: charge });
        expect(explanation).toMatch(/^[A-Z][^.]*\.( [A-Z][^.]*\.){0,2}$/);
        expect(reason.startsWith('capped')).toBe(loss > 0n);
        if (reason === 'nothing_owed') expect(charge).toBe(0n);
      }),
    );
  });
});
