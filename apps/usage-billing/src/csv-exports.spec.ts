import { readDocument } from '@tollgate/openapi';
import { describe, expect, it } from 'vitest';
import type { Statement } from './statements/build/statement.js';
import { csvStatement } from './statements/render/csv-statement.js';
import { usageLines } from './usage/query-usage/usage-lines.js';
import { NO_USE } from './usage/query-usage/usage-sums.js';

/** What spreadsheets take for a formula at the beginning of a cell. */
const FORMULAS = ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1'];

/** Every operation that answers in CSV, with this text wherever somebody else's text goes. */
const EXPORTS: Readonly<Record<string, (text: string) => Promise<string>>> = {
  getUsage: async (text) => {
    const group = { values: [text, text], sums: NO_USE };
    async function* pages() {
      yield { buckets: [{ fromMs: 0, toMs: 1, sums: NO_USE, groups: [group] }], nameOf: () => text };
    }
    const texts: string[] = [];
    for await (const each of usageLines('csv', { groupBy: ['api_key_id', 'model'] }, pages())) texts.push(each);
    return texts.join('');
  },
  listStatements: async (text) => {
    const counts = { requests: 1, inputTokens: 1, outputTokens: 1, chargedNanoUsd: -1n };
    const usage = { apiKeyId: text, apiKeyName: text, projectId: text, provider: text, model: text, ...counts };
    const fee = { subscriptionId: text, description: text, chargedAt: '2026-11-03T00:00:00.000Z', amountNanoUsd: 1n };
    const statement: Pick<Statement, 'usage' | 'fees'> = { usage: [usage], fees: [fee] };
    return csvStatement(statement as Statement);
  },
};

describe('H1: what is written as CSV', () => {
  it('is tried below for each operation that does so', () => {
    const { paths } = readDocument('usage-billing');
    const inCsv = Object.values(paths)
      .flatMap((path) => Object.values(path))
      .filter((operation) => JSON.stringify(operation).includes('"text/csv"'))
      .map((operation) => (operation as { operationId: string }).operationId);
    expect(inCsv.sort()).toEqual(Object.keys(EXPORTS).sort());
  });

  it.each(Object.keys(EXPORTS).flatMap((operation) => FORMULAS.map((formula) => [operation, formula] as const)))(
    'by %s has no cell that a spreadsheet takes for the formula %j',
    async (operation, formula) => {
      const text = `${formula} of somebody else`;
      const written = await EXPORTS[operation]!(text);
      expect(written).toContain(`'${text}`);
      expect(written.replaceAll(`'${text}`, '')).not.toContain(text);
    },
  );

  it('leaves negative amounts numbers, and exact ones', async () => {
    expect(await EXPORTS['listStatements']!('k')).toContain(',-0.000000001\r\n');
  });
});
