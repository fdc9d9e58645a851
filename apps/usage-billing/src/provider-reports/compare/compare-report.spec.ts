import { describe, expect, it } from 'vitest';
import type { ReportRow } from '../read-report/report-row.js';
import { compareReport, modelName, whatSays, type LedgerUsage } from './compare-report.js';

const row = (changes: Partial<ReportRow> = {}): ReportRow => ({
  day: '2026-11-29',
  model: 'gpt-4o-mini-2024-07-18',
  costNanoUsd: 100n,
  inputTokens: null,
  outputTokens: null,
  requests: null,
  ...changes,
});
const usage = (changes: Partial<LedgerUsage> = {}): LedgerUsage => ({
  day: '2026-11-29',
  model: 'gpt-4o-mini',
  costNanoUsd: 100n,
  inputTokens: 10,
  outputTokens: 5,
  requests: 1,
  unpricedRequests: 0,
  ...changes,
});

const compared = (rows: readonly ReportRow[], ours: readonly LedgerUsage[], format = 'csv') =>
  compareReport(rows, ours, whatSays(format, rows));

describe('a provider and the ledger', () => {
  it.each([
    ['gpt-4o-mini-2024-07-18', 'gpt-4o-mini'],
    ['claude-sonnet-4-5-20250929', 'claude-sonnet-4-5'],
    ['gpt-4o', 'gpt-4o'],
    ['claude-3-7', 'claude-3-7'],
  ])('call %s the same model as %s', (model, name) => expect(modelName(model)).toBe(name));

  it('that say the same have no difference, however their lines are cut', () => {
    expect(compared([row({ costNanoUsd: 60n }), row({ costNanoUsd: 40n })], [usage()])).toEqual([]);
    expect(compared([row({ costNanoUsd: null, inputTokens: 10, outputTokens: 5 })], [usage()])).toEqual([]);
  });

  it.each([
    ['no call of ours', [row()], [], 100n, 'calls_outside_tollgate'],
    ['nothing of theirs', [row({ day: '2026-11-28' })], [usage({ day: '2026-11-25' })], -100n, 'not_in_report'],
    ['a model without a price', [row()], [usage({ costNanoUsd: 0n, unpricedRequests: 1 })], 100n, 'no_price'],
    [
      'the same tokens',
      [row({ inputTokens: 10, outputTokens: 5, costNanoUsd: 70n })],
      [usage()],
      -30n,
      'price_differs',
    ],
    ['more requests', [row({ requests: 2, costNanoUsd: 200n })], [usage()], 100n, 'calls_outside_tollgate'],
    ['more tokens', [row({ inputTokens: 99, outputTokens: 5 })], [usage()], 0n, 'calls_outside_tollgate'],
    ['fewer tokens', [row({ inputTokens: 9, outputTokens: 5 })], [usage()], 0n, 'usage_differs'],
    ['a little of the cost alone', [row({ costNanoUsd: 120n })], [usage()], 20n, 'price_differs'],
    ['a little less cost alone', [row({ costNanoUsd: 80n })], [usage()], -20n, 'price_differs'],
    ['far more cost alone', [row({ costNanoUsd: 2_700n })], [usage()], 2_600n, 'calls_outside_tollgate'],
    ['far less cost alone', [row({ costNanoUsd: 79n })], [usage()], -21n, 'not_in_report'],
    ['a cost of no model', [row({ model: null })], [], 100n, 'not_attributed_to_a_model'],
  ] as const)('differ by %s', (_what, rows, ours, differenceNanoUsd, likelyCause) => {
    expect(compared(rows, ours)).toContainEqual(expect.objectContaining({ differenceNanoUsd, likelyCause }));
  });

  it('differ by what one counts before midnight and the other after it', () => {
    const differences = compared(
      [row({ costNanoUsd: 90n }), row({ day: '2026-11-30', costNanoUsd: 60n })],
      [usage(), usage({ day: '2026-11-30', costNanoUsd: 50n })],
    );
    expect(differences.map(({ day, differenceNanoUsd, likelyCause }) => [day, differenceNanoUsd, likelyCause])).toEqual(
      [
        ['2026-11-29', -10n, 'day_boundary'],
        ['2026-11-30', 10n, 'day_boundary'],
      ],
    );
  });

  it.each([
    ['openai_costs', { costNanoUsd: 0n, inputTokens: null }, -100n],
    ['anthropic_costs', { costNanoUsd: 0n, inputTokens: null }, -100n],
    ['openai_usage', { costNanoUsd: null, inputTokens: 0 }, null],
    ['anthropic_usage', { costNanoUsd: null, inputTokens: 0 }, null],
  ])('differ where a report in the form %s has nothing at all', (format, provider, differenceNanoUsd) => {
    expect(compared([], [usage()], format)).toMatchObject([
      { day: '2026-11-29', model: 'gpt-4o-mini', provider, differenceNanoUsd, likelyCause: 'not_in_report' },
    ]);
  });

  it('have differences that add up to the difference of their sums', () => {
    const rows = [
      row({ costNanoUsd: 7n }),
      row({ model: 'other', costNanoUsd: 5n }),
      row({ model: null, costNanoUsd: 2n }),
    ];
    const ours = [usage({ costNanoUsd: 3n }), usage({ day: '2026-11-30', costNanoUsd: 4n })];
    const sum = compared(rows, ours).reduce((all, { differenceNanoUsd }) => all + (differenceNanoUsd ?? 0n), 0n);
    expect(sum).toBe(7n + 5n + 2n - 3n - 4n);
  });
});
