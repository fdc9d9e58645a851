import { describe, expect, it } from 'vitest';
import { subscriptionNotices } from './subscription-notices.js';
import type { StoredSubscription } from './subscription-row.js';
import type { CycleCharge, Subscription } from './subscription.js';

const NOW = Date.UTC(2026, 10, 29, 12);
const DAY_MS = 86_400_000;

const charge = (number: number, fields: Partial<CycleCharge> = {}): CycleCharge => ({
  number,
  sequence: 0,
  atMs: NOW + (number - 1) * 30 * DAY_MS,
  startMs: NOW + (number - 1) * 30 * DAY_MS,
  endMs: NOW + number * 30 * DAY_MS,
  planId: 'small',
  planVersion: 1,
  quotaNanoUsd: 5n,
  amountNanoUsd: 1n,
  ...fields,
});

function stored(fields: Partial<Subscription> = {}, dueAt: Date | null = new Date(NOW + DAY_MS)): StoredSubscription {
  const subscription: Subscription = {
    id: 's',
    organizationId: 'o',
    memberId: null,
    apiKeyId: 'k',
    anchorMs: NOW - 30 * DAY_MS,
    version: 1,
    nextPlanId: null,
    endsAtMs: null,
    payg: { enabled: false, limitNanoUsd: null, raise: null },
    charges: [charge(0)],
    ...fields,
  };
  const rest = { planName: 'Small', nextPlanName: null, maskedKey: null, told: null, madeAt: new Date(NOW), dueAt };
  return { subscription, createdAt: new Date(NOW), ...rest };
}
const types = (before: StoredSubscription | null, after: StoredSubscription): string[] =>
  subscriptionNotices(before, after, NOW).map(({ type }) => type.replace('subscription.', ''));

describe('the notices of a subscription', () => {
  it('say nothing where nothing has happened', () => expect(types(stored(), stored())).toEqual([]));

  it.each<[string, Partial<Subscription>, Partial<Subscription>, string[]]>([
    ['a cycle began', {}, { charges: [charge(0), charge(1)] }, ['renewed']],
    [
      'three cycles began',
      {},
      { charges: [charge(0), charge(1), charge(2), charge(3)] },
      ['renewed', 'renewed', 'renewed'],
    ],
    ['a larger plan, at once', {}, { charges: [charge(0), charge(0, { sequence: 1, planId: 'large' })] }, ['changed']],
    ['a smaller plan, for the next cycle', {}, { nextPlanId: 'tiny' }, ['changed']],
    [
      'the plan that was chosen before begins',
      { nextPlanId: 'tiny' },
      { charges: [charge(0), charge(1, { planId: 'tiny' })] },
      ['renewed'],
    ],
    [
      'a cycle begins, and the plan is changed in it',
      {},
      { charges: [charge(0), charge(1), charge(1, { sequence: 1, planId: 'large' })] },
      ['renewed', 'changed'],
    ],
    ['pay-as-you-go', {}, { payg: { enabled: true, limitNanoUsd: 3n, raise: null } }, ['changed']],
    ['an end', {}, { endsAtMs: NOW + DAY_MS }, ['canceled']],
    ['an earlier end', { endsAtMs: NOW + DAY_MS }, { endsAtMs: NOW + 5 }, ['canceled']],
    ['an end that is taken back', { endsAtMs: NOW + DAY_MS }, {}, ['changed']],
  ])('of %s', (_what, before, after, told) => expect(types(stored(before), stored(after))).toEqual(told));

  it('say that it is there, and that it has ended, once', () => {
    expect(types(null, stored())).toEqual(['created']);
    const ending = stored({ endsAtMs: NOW });
    const ended = stored({ endsAtMs: NOW }, null);
    expect(types(ending, ended)).toEqual(['expired']);
    expect(types(ended, ended)).toEqual([]);
    expect(types(stored(), ended)).toEqual(['canceled', 'expired']);
  });
});
