import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sameAmounts, totalsOf, type StatementContent, type UsageLine } from './statement.js';
import { statementCycle, statementCycleAt } from './statement-cycle.js';

const line = (changes: Partial<UsageLine> = {}): UsageLine => ({
  apiKeyId: 'k',
  apiKeyName: 'name',
  projectId: null,
  provider: 'openai',
  model: 'gpt-4o-mini',
  requests: 1,
  inputTokens: 2,
  outputTokens: 3,
  chargedNanoUsd: 4n,
  ...changes,
});
const content = (changes: Partial<StatementContent> = {}): StatementContent => ({
  organizationId: 'o',
  organizationName: 'Acme',
  cycle: '2026-11',
  usage: [line()],
  fees: [],
  includedNanoUsd: 0n,
  credit: null,
  ...changes,
});

describe('the totals of a statement', () => {
  it('are the sums of its lines, to the last nano-USD', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ requests: fc.nat(1e6), chargedNanoUsd: fc.bigInt(0n, 9n * 10n ** 15n) })),
        fc.array(fc.bigInt(0n, 9n * 10n ** 15n)),
        (lines, amounts) => {
          const usage = lines.map((each) => line(each));
          const fees = amounts.map((amountNanoUsd) => ({
            subscriptionId: 's',
            description: '',
            chargedAt: '',
            amountNanoUsd,
          }));
          const totals = totalsOf({ usage, fees, includedNanoUsd: 3n, credit: null });
          expect(totals.dueNanoUsd).toBe(totals.totalNanoUsd - 3n);
          expect(totals.usageNanoUsd).toBe(usage.reduce((sum, { chargedNanoUsd }) => sum + chargedNanoUsd, 0n));
          expect(totals.totalNanoUsd).toBe(totals.usageNanoUsd + amounts.reduce((sum, each) => sum + each, 0n));
        },
      ),
    );
  });
});

describe('a new revision of a statement', () => {
  it.each<[string, Partial<StatementContent>, boolean]>([
    ['another name of a key', { usage: [line({ apiKeyName: 'other' })] }, true],
    ['another name of the organisation', { organizationName: 'Other' }, true],
    ['a request more', { usage: [line({ requests: 2 })] }, false],
    ['a nano-USD more', { usage: [line({ chargedNanoUsd: 5n })] }, false],
    ['another key', { usage: [line({ apiKeyId: 'k2' })] }, false],
    [
      'credit',
      {
        credit: { openingNanoUsd: 0n, grantedNanoUsd: 1n, expiredNanoUsd: 0n, chargedNanoUsd: 0n, closingNanoUsd: 1n },
      },
      false,
    ],
  ])('%s: the same amounts are %s', (_what, changes, same) =>
    expect(sameAmounts(content(), content(changes))).toBe(same),
  );
  it('does not come of the order of lines', () => {
    const [one, other] = [line(), line({ model: 'm' })];
    expect(sameAmounts(content({ usage: [one, other] }), content({ usage: [other, one] }))).toBe(true);
  });
});

describe('the cycle of a statement', () => {
  it('is a calendar month in UTC', () => {
    expect(statementCycle('2026-12')).toEqual({
      name: '2026-12',
      startMs: Date.UTC(2026, 11, 1),
      endMs: Date.UTC(2027, 0, 1),
    });
    expect(statementCycleAt(Date.UTC(2026, 10, 30, 23, 59, 59, 999)).name).toBe('2026-11');
    expect(statementCycleAt(Date.UTC(2026, 11, 1)).name).toBe('2026-12');
  });
  it.each(['2026-13', '2026-00', '2026-1', '26-11', '2026-11-01', ''])('is not %j', (name) =>
    expect(statementCycle(name)).toBeNull(),
  );
});
