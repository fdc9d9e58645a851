import type { BookedSettle } from '@tollgate/admission';
import { createLogger } from '@tollgate/telemetry';
import { describe, expect, it } from 'vitest';
import { SettleHolds } from './settle-holds.js';

const item = (organizationId: string, journalNumber: number): BookedSettle => ({
  organizationId,
  journalNumber,
  requestId: `r${journalNumber}`,
  journalId: 'j',
  chargeNanoUsd: 1n,
  tokens: null,
  accountIds: [],
});
const logger = createLogger({ service: 'spec', level: 'silent' });

describe('SettleHolds', () => {
  it("sends an organisation's settles in order, also those that could not be sent before", async () => {
    let reachable = false;
    const sent: number[] = [];
    const settles = new SettleHolds(
      {
        settleBooked: async (_, items) => {
          if (!reachable) throw new Error('Redis is away');
          sent.push(...items.map(({ journalNumber }) => journalNumber));
          await Promise.resolve();
        },
      },
      logger,
    );
    await settles.settle([item('org', 1), item('org', 2)]);
    await settles.settle([item('org', 3)]);
    expect(sent).toEqual([]);
    reachable = true;
    await settles.settle([item('org', 4)]);
    expect(sent).toEqual([1, 2, 3, 4]);
    await settles.retry();
    expect(sent).toEqual([1, 2, 3, 4]);
  });

  it('one organisation that cannot be settled does not hold up another', async () => {
    const sent: string[] = [];
    const settles = new SettleHolds(
      {
        settleBooked: async (organizationId) => {
          if (organizationId === 'a') throw new Error('no');
          sent.push(organizationId);
          await Promise.resolve();
        },
      },
      logger,
    );
    await settles.settle([item('a', 1), item('b', 1)]);
    expect(sent).toEqual(['b']);
  });
});
