import { describe, expect, it } from 'vitest';
import type { Statement } from '../build/statement.js';
import { csvStatement } from './csv-statement.js';
import { htmlStatement } from './html-statement.js';
import { usdText } from './usd-text.js';

const statement: Statement = {
  organizationId: 'o',
  organizationName: '<script>alert(1)</script>',
  cycle: '2026-11',
  status: 'issued',
  revision: 2,
  issuedAt: new Date('2026-12-01T02:00:00Z'),
  usage: [
    {
      apiKeyId: 'k1',
      apiKeyName: '=cmd',
      projectId: null,
      provider: 'openai',
      model: 'a,"b"',
      requests: 2,
      inputTokens: 10,
      outputTokens: 20,
      chargedNanoUsd: 1n,
    },
    {
      apiKeyId: 'k2',
      apiKeyName: null,
      projectId: 'p',
      provider: 'anthropic',
      model: 'm',
      requests: 1,
      inputTokens: 1,
      outputTokens: 1,
      chargedNanoUsd: 1_234_500_000n,
    },
  ],
  fees: [
    { subscriptionId: 's', description: 'pro', chargedAt: '2026-11-03T00:00:00.000Z', amountNanoUsd: 20_000_000_000n },
  ],
  includedNanoUsd: 1n,
  credit: {
    openingNanoUsd: 5n,
    grantedNanoUsd: 10n,
    expiredNanoUsd: 3n,
    chargedNanoUsd: 2n,
    closingNanoUsd: 10n,
  },
};

describe('a statement as CSV', () => {
  it('has exact amounts that add up, and no cell that a spreadsheet takes for a formula', () => {
    const lines = csvStatement(statement).split('\r\n');
    expect(lines.slice(1)).toEqual([
      `usage,k1,'=cmd,,openai,"a,""b""",,,2,10,20,0.000000001`,
      'usage,k2,,p,anthropic,m,,,1,1,1,1.2345',
      'fee,,,,,,s,pro,,,,20',
      '',
    ]);
    expect(lines[0]).toMatch(/^\ufeffkind,api_key_id,.*,amount_usd$/);
  });
});

describe('a statement as a page', () => {
  const page = htmlStatement(statement);
  it('shows its lines, its sums and what the cycle did to the credit', () => {
    for (const text of [
      '0.000000001',
      '1.2345',
      '20.00',
      '21.234500001',
      '21.234499998',
      'Revision 2',
      '2026-11-01 to 2026-11-30',
    ])
      expect(page).toContain(text);
    expect(page).toContain('-0.000000003');
  });
  it('takes no name for markup, runs nothing and loads nothing', () => {
    expect(page).not.toContain('<script');
    expect(page).toContain('&lt;script&gt;');
    expect(page).not.toMatch(/src=|href=|url\(|@import/);
  });
});

describe('an exact amount for people', () => {
  it.each([
    [0n, '0.00'],
    [5n, '0.000000005'],
    [1_500_000_000n, '1.50'],
    [-1_230_000_000n, '-1.23'],
    [9_000_000_000_000_000n, '9000000.00'],
  ])('%s nano-USD is %s', (nanoUsd, text) => expect(usdText(nanoUsd)).toBe(text));
});
