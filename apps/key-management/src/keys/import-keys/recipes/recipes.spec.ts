import { readFileSync } from 'node:fs';
import { parseBody } from '@tollgate/http';
import { describe, expect, it } from 'vitest';
import { importLine } from '../import-keys.request.js';
import { litellm } from './litellm.js';
import { oneApi } from './one-api.js';
import { openrouter } from './openrouter.js';
import { readExport } from './read-export.js';
import { convertKey, sha256Of, usd, type Conversion, type Recipe } from './recipe.js';
import { unkey } from './unkey.js';

const exported = (file: string): string => readFileSync(new URL(`exports/${file}`, import.meta.url), 'utf8');
const convert = (recipe: Recipe, file: string, { ignored = [] as string[], calendar = false } = {}): Conversion[] =>
  readExport(exported(file)).map((key) => convertKey(recipe, key, { ignored: new Set(ignored), calendar }));

/** The lines of conversions, each read as the import reads it. */
const linesOf = (conversions: readonly Conversion[]): unknown[] =>
  conversions.flatMap((each) => {
    if (!('line' in each)) return [];
    parseBody(importLine, Buffer.from(JSON.stringify(each.line)));
    return [each.line];
  });
const refusalsOf = (conversions: readonly Conversion[]): (readonly string[])[] =>
  conversions.flatMap((each) => ('refusals' in each ? [each.refusals] : []));

describe('an export of LiteLLM', () => {
  it('keeps what is left of a budget, and no list of models is every model', () => {
    const conversions = convert(litellm, 'litellm.json');
    expect(linesOf(conversions)).toEqual([
      {
        name: 'support bot',
        sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
        expires_at: '2031-05-01T00:00:00.000Z',
        rate_limits: { requests_per_minute: 60, tokens_per_minute: 90_000 },
        credit_limit_usd: '8.75',
      },
    ]);
    expect(refusalsOf(conversions)).toEqual([
      ['budget_duration 30d may be a rolling time; with --calendar it becomes monthly'],
      [
        'models: all-team-models has no counterpart here',
        'blocked: an imported key could be used',
        'team_id has no counterpart here',
        'model_max_budget has no counterpart here',
      ],
    ]);
  });

  it('may turn budgets of days into cycles of the calendar, of which each has all of the budget', () => {
    expect(linesOf(convert(litellm, 'litellm.json', { calendar: true }))[1]).toEqual({
      name: 'monthly',
      sha256: '60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752',
      models: ['gpt-4o', 'claude-*'],
      credit_limit_usd: '100',
      credit_reset: 'monthly',
    });
  });
});

describe('an export of one-api or new-api', () => {
  it('has secrets without sk-, 500,000 of quota as one USD, and seconds', () => {
    const conversions = convert(oneApi, 'one-api.ndjson');
    expect(linesOf(conversions)).toEqual([
      {
        name: 'web',
        sha256: sha256Of('AbCdEfGh0123456789AbCdEfGh0123456789AbCdEfGh0123'),
        form: 'without_prefix',
        credit_limit_usd: '1',
        models: ['gpt-4o', 'gpt-4o-mini'],
        allowed_ips: ['10.0.0.0/8'],
      },
      {
        name: 'one-api token',
        sha256: sha256Of('ZbCdEfGh0123456789AbCdEfGh0123456789AbCdEfGh0123'),
        form: 'without_prefix',
        expires_at: '2031-01-01T00:00:00.000Z',
        models: ['claude-sonnet-4'],
        allowed_ips: ['192.168.1.1', '10.1.0.0/16'],
      },
    ]);
    expect(refusalsOf(conversions)).toEqual([
      ['status 2: an imported key could be used', 'group has no counterpart here'],
    ]);
    expect(JSON.stringify(conversions)).not.toMatch(/[AZY]bCdEfGh/);
  });
});

describe('an export of Unkey', () => {
  it('has milliseconds, and credits that are uses and no money', () => {
    const conversions = convert(unkey, 'unkey.json');
    expect(linesOf(conversions)).toEqual([
      {
        name: 'checkout',
        sha256: sha256Of('acme_3ZX9r2LkQw8v'),
        expires_at: '2031-01-01T00:00:00.000Z',
        rate_limits: { requests_per_minute: 100 },
      },
      { name: 'from the table', sha256: 'n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=' },
    ]);
    expect(refusalsOf(conversions)).toEqual([
      [
        'credits counts uses and no money',
        'ratelimits of another time than a minute have no counterpart here',
        'permissions has no counterpart here',
      ],
    ]);
    expect(linesOf(convert(unkey, 'unkey.json', { ignored: ['credits', 'ratelimits', 'permissions'] }))).toHaveLength(
      3,
    );
  });
});

describe('an export of OpenRouter', () => {
  it('has USD: what is left of a limit for good, and all of one that begins anew', () => {
    const conversions = convert(openrouter, 'openrouter.json');
    expect(linesOf(conversions)).toEqual([
      {
        name: 'production',
        sha256: 'f01d52606dc8f0a8303a7b5cc3fa07109c2e346cec7c0a16b40de462992ce943',
        credit_limit_usd: '74.5',
      },
      {
        name: 'daily',
        sha256: '0e6f44a47a05f1dad2ad7e88c4c1d6b77688157716fb1a5271146f7464951c96',
        credit_limit_usd: '5',
        credit_reset: 'daily',
        expires_at: '2031-12-31T23:59:59Z',
      },
    ]);
    expect(refusalsOf(conversions)).toEqual([
      ['disabled: an imported key could be used', 'include_byok_in_limit has no counterpart here'],
    ]);
  });
});

describe('any export', () => {
  it.each([
    ['a list', '[{"a":1},{"a":2}]'],
    ['a reply', '{"data":[{"a":1},{"a":2}],"total":2}'],
    ['pages of new-api', '{"success":true,"data":{"items":[{"a":1},{"a":2}]}}'],
    ['lines', '{"a":1}\n\n{"a":2}\r\n'],
    ['replies one after another', '{"data":[{"a":1}]}\n{"data":[{"a":2}]}'],
  ])('is read: %s', (_, text) => expect(readExport(text)).toEqual([{ a: 1 }, { a: 2 }]));

  it('that is no JSON is refused by its line, without a word of it', () => {
    expect(() => readExport('{"a":1}\nsk-a-secret-in-a-csv')).toThrow(/^line 2 is no JSON$/);
  });

  it.each([
    [0, '0'],
    [0.1 + 0.2, '0.3'],
    [1 / 500_000, '0.000002'],
    [-3, '0'],
    [9_000_000, '9000000'],
    [1.123456789999, '1.123456789'],
  ])('has amounts that are never above what they were: %s USD', (amount, text) => expect(usd(amount)).toBe(text));
});

describe('a key that its product does not serve any more', () => {
  const refusals = (recipe: Recipe, key: Record<string, unknown>): readonly string[] => {
    const conversion = convertKey(recipe, key, { ignored: new Set(), calendar: false });
    return 'refusals' in conversion ? conversion.refusals : [];
  };
  const row = { key: 'AbCdEfGh', name: 'web', unlimited_quota: true, expired_time: -1 };
  const token = { token: 'a'.repeat(64), key_alias: 'bot' };

  it('is refused where its row was deleted, and stays in the table', () => {
    expect(refusals(oneApi, { ...row, deleted_at: null })).toEqual([]);
    for (const name of ['deleted_at', 'DeletedAt'])
      expect(refusals(oneApi, { ...row, [name]: '2025-03-01 10:00:00' })).toEqual([
        `${name}: an imported key could be used`,
      ]);
  });

  it('is refused however a script has written that it is blocked, and what may say so is not passed over', () => {
    for (const blocked of [true, 1, 't', 'true', 'True', 'TRUE', 'yes', ' on '])
      expect(refusals(litellm, { ...token, blocked })).toEqual(['blocked: an imported key could be used']);
    for (const blocked of [false, 0, 'f', 'False', 'no', null, ''])
      expect(refusals(litellm, { ...token, blocked })).toEqual([]);
    for (const blocked of ['wahr', 2, {}, ['x']])
      expect(refusals(litellm, { ...token, blocked })).toEqual(['blocked is neither true nor false']);
    const limits = { model_limits_enabled: 'True', model_limits: '' };
    expect(refusals(oneApi, { ...row, ...limits })).toEqual(['model_limits is empty: the key may use no model']);
  });
});
