import type { OrganizationsChangedV1 } from '@tollgate/contracts';
import { describe, expect, it } from 'vitest';
import { readBillingTerms } from './read-billing-terms.js';

const message: OrganizationsChangedV1 = {
  eventVersion: 1,
  organizationId: 'o',
  version: 1,
  budgets: [],
  grants: null,
  markupMillionths: 0,
};
const budget = {
  kind: 'group',
  ownerId: 'g',
  capNanoUsd: '5',
  reset: 'daily',
  generation: 2,
  raise: null,
} as const;
const read = (...messages: object[]) => readBillingTerms(messages.map((each) => JSON.stringify(each)));

describe('a message about the credit of an organisation', () => {
  it('says nothing where nothing is agreed', () => {
    expect(read(message).told).toEqual([{ organizationId: 'o', version: 1, terms: {} }]);
  });
  it('says what gateways must know, and of a budget without a raise nothing of a raise', () => {
    const raise = { amountNanoUsd: '7', untilMs: 9 };
    const grants = [{ grantId: 'a', amountNanoUsd: '1', expiresAtMs: null }];
    const all = { ...message, budgets: [budget, { ...budget, ownerId: 'h', raise }], grants, markupMillionths: 5 };
    const { raise: _, ...plain } = budget;
    expect(read(all).told[0]?.terms).toEqual({
      budgets: [plain, { ...plain, ownerId: 'h', raise }],
      grants,
      markupMillionths: 5,
    });
  });
  it('of an organisation without any grant left says that it has no credit', () => {
    expect(read({ ...message, grants: [] }).told[0]?.terms).toEqual({ grants: [] });
  });
  it('passes on prices as they are written: gateways read them', () => {
    const prices = { version: '0f3a1c5b7d92', entries: [{ provider: 'p', of_tomorrow: [1] }] };
    expect(read({ ...message, prices }).told[0]?.terms).toEqual({ prices });
    expect(read({ ...message, prices: { ...prices, version: 'nonsense' } })).toMatchObject({ unreadable: 1 });
  });
  it('counts by its version, whatever the order', () => {
    const later = { ...message, version: 3, markupMillionths: 3 };
    expect(read(message, later, { ...message, version: 2 }).told).toEqual([
      { organizationId: 'o', version: 3, terms: { markupMillionths: 3 } },
    ]);
    expect(read(later, { ...message, organizationId: 'p' }).told).toHaveLength(2);
  });
  it('that cannot be read costs only itself', () => {
    const { told, unreadable } = readBillingTerms(['{', '{}', JSON.stringify({ ...message, version: 0 }), 'null']);
    expect({ told, unreadable }).toEqual({ told: [], unreadable: 4 });
    expect(read({ ...message, organizationId: 'a\0b' }, message)).toMatchObject({ unreadable: 1, told: [{}] });
  });
});
