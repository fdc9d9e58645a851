import { describe, expect, it } from 'vitest';
import { grantFaults, type KeyGiver, type KeyReach } from './grant-key.js';

const NOW = Date.UTC(2026, 11, 1);
const FREE: KeyReach = {
  scopes: ['inference:write'],
  expiresAtMs: null,
  creditLimitNanoUsd: null,
  creditReset: 'never',
  rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
  models: null,
  allowedIps: null,
  browserUse: 'allowed',
  projectId: null,
  groupIds: [],
};
const keyWith = (reach: Partial<KeyReach>): KeyGiver => ({
  principal: { kind: 'api_key', apiKeyId: 'k', organizationId: 'o', scopes: ['admin'] },
  reach: { ...FREE, scopes: ['admin'], ...reach },
});
const person = (role: 'member' | 'admin'): KeyGiver => ({
  principal: { kind: 'person', personId: 'p', sessionId: 's', organizationId: 'o', role, provenAtMs: NOW },
  reach: null,
});
const paths = (giver: KeyGiver, asked: Partial<KeyReach>, before?: Partial<KeyReach>): string[] =>
  grantFaults(giver, { ...FREE, ...asked }, before === undefined ? null : { ...FREE, ...before }).map(
    ({ path }) => path,
  );
const rate = (limits: Partial<KeyReach['rateLimits']>): Partial<KeyReach> => ({
  rateLimits: { ...FREE.rateLimits, ...limits },
});

describe('a key that makes a key', () => {
  it('of no restrictions gives all but groups that it is not in', () => {
    expect(paths(keyWith({}), FREE)).toEqual([]);
    expect(paths(keyWith({}), { scopes: ['admin'], projectId: 'p', models: ['*'], creditReset: 'daily' })).toEqual([]);
    expect(paths(keyWith({}), { groupIds: ['g'] })).toEqual(['groups']);
  });

  it.each<[string, Partial<KeyReach>, Partial<KeyReach>[], Partial<KeyReach>[]]>([
    [
      'expires_at',
      { expiresAtMs: NOW },
      [{ expiresAtMs: NOW }, { expiresAtMs: NOW - 1 }],
      [{}, { expiresAtMs: NOW + 1 }],
    ],
    [
      'credit_limit_usd',
      { creditLimitNanoUsd: 5n },
      [{ creditLimitNanoUsd: 5n }, { creditLimitNanoUsd: 0n }],
      [{}, { creditLimitNanoUsd: 6n }],
    ],
    ['credit_limit_usd', { creditLimitNanoUsd: 0n }, [{ creditLimitNanoUsd: 0n }], [{ creditLimitNanoUsd: 1n }]],
    ['rate_limits.requests_per_minute', rate({ requestsPerMinute: 6 }), [rate({ requestsPerMinute: 6 })], [{}]],
    [
      'rate_limits.tokens_per_minute',
      rate({ tokensPerMinute: 6 }),
      [rate({ tokensPerMinute: 1 })],
      [rate({ tokensPerMinute: 7 })],
    ],
    [
      'rate_limits.parallel_requests',
      rate({ parallelRequests: 6 }),
      [rate({ parallelRequests: 6 })],
      [rate({ parallelRequests: 7 })],
    ],
    [
      'models',
      { models: ['gpt-4o*', 'support-bot'] },
      [{ models: ['gpt-4o'] }, { models: ['gpt-4o-*', 'support-bot'] }, { models: ['gpt-4o*'] }],
      [{}, { models: ['*'] }, { models: ['gpt-4*'] }, { models: ['support-bot', 'claude'] }, { models: ['*gpt-4o'] }],
    ],
    ['models', { models: ['*'] }, [{ models: ['*'] }, { models: ['a*b'] }], [{}]],
    ['models', { models: ['a*b*c'] }, [{ models: ['axb*c'] }], [{ models: ['a*c'] }]],
    [
      'allowed_ips',
      { allowedIps: ['10.0.0.0/8', '2001:db8::/32'] },
      [
        { allowedIps: ['10.1.2.3'] },
        { allowedIps: ['10.0.0.0/8', '2001:db8:ffff::/48'] },
        { allowedIps: ['::ffff:10.0.0.1'] },
        { allowedIps: ['2001:db8::1.2.3.4'] },
      ],
      [
        {},
        { allowedIps: ['10.0.0.0/7'] },
        { allowedIps: ['10.1.2.3', '11.0.0.1'] },
        { allowedIps: ['0.0.0.0/0'] },
        { allowedIps: ['::/0'] },
        { allowedIps: ['2001:db9::/32'] },
        { allowedIps: ['2001:db8::/31'] },
        { allowedIps: ['no address'] },
      ],
    ],
    ['browser_use', { browserUse: 'refused' }, [{ browserUse: 'refused' }], [{}]],
    ['project_id', { projectId: 'p' }, [{ projectId: 'p' }], [{}, { projectId: 'q' }]],
    ['groups', { groupIds: ['g', 'h'] }, [{}, { groupIds: ['h'] }], [{ groupIds: ['g', 'i'] }]],
  ])('gives no more than it has of %s', (path, own, within, above) => {
    for (const asked of within) expect(paths(keyWith(own), asked)).toEqual([]);
    for (const asked of above) expect(paths(keyWith(own), asked)).toEqual([path]);
  });

  it.each([
    ['never', ['never']],
    ['monthly', ['never', 'monthly']],
    ['weekly', ['never', 'weekly']],
    ['daily', ['never', 'daily', 'weekly', 'monthly']],
  ] as const)('whose limit begins anew %s gives limits that begin anew %j', (own, allowed) => {
    for (const asked of ['never', 'daily', 'weekly', 'monthly'] as const)
      expect(
        paths(keyWith({ creditLimitNanoUsd: 5n, creditReset: own }), { creditLimitNanoUsd: 5n, creditReset: asked }),
      ).toEqual((allowed as readonly string[]).includes(asked) ? [] : ['credit_reset']);
  });
});

describe('a change of a key', () => {
  const narrow = keyWith({ expiresAtMs: NOW, models: ['a'] });

  it('gives only what it changes', () => {
    expect(paths(narrow, { browserUse: 'refused' }, {})).toEqual([]);
    expect(paths(narrow, { expiresAtMs: NOW + 1 }, {})).toEqual(['expires_at']);
    expect(paths(narrow, { expiresAtMs: NOW - 1 }, {})).toEqual([]);
    expect(paths(narrow, { models: null }, { models: ['a'] })).toEqual(['models']);
    expect(paths(narrow, { groupIds: ['g'] }, { groupIds: ['g', 'h'] })).toEqual(['groups']);
  });

  const credit = (creditLimitNanoUsd: bigint | null, creditReset: KeyReach['creditReset']): Partial<KeyReach> => ({
    creditLimitNanoUsd,
    creditReset,
  });
  it.each([
    ['another cycle of a larger limit', credit(5n, 'daily'), credit(100n, 'never'), credit(100n, 'daily'), 'limit_usd'],
    ['a larger limit in a shorter cycle', credit(5n, 'never'), credit(3n, 'daily'), credit(5n, 'daily'), 'reset'],
    ['a limit of its own in a longer cycle', credit(5n, 'daily'), credit(100n, 'never'), credit(5n, 'never'), null],
    ['less in a shorter cycle than its own', credit(5n, 'never'), credit(3n, 'daily'), credit(2n, 'daily'), null],
  ] as const)('judges a limit and its cycle together: %s', (_name, own, before, asked, at) => {
    expect(paths(keyWith(own), asked, before)).toEqual(at === null ? [] : [`credit_${at}`]);
  });

  it('is not for those who may not give its scopes, unless it takes them away or changes texts alone', () => {
    expect(paths(person('member'), { scopes: ['admin'] }, { scopes: ['admin'] })).toEqual([]);
    expect(paths(person('member'), { scopes: ['admin'], expiresAtMs: NOW }, { scopes: ['admin'] })).toEqual(['scopes']);
    expect(paths(person('member'), {}, { scopes: ['admin'] })).toEqual([]);
    expect(paths(person('admin'), { scopes: ['admin'], expiresAtMs: NOW }, { scopes: ['admin'] })).toEqual([]);
  });
});

describe('people and the operator', () => {
  it('give what their role may, without bounds of a key', () => {
    const operator: KeyGiver = { principal: { kind: 'operator', organizationId: 'o' }, reach: null };
    for (const giver of [operator, person('admin')])
      expect(paths(giver, { scopes: ['admin'], groupIds: ['g'], projectId: 'p' })).toEqual([]);
    expect(paths(person('member'), { groupIds: ['g'], projectId: 'p' })).toEqual([]);
    expect(paths(person('member'), { scopes: ['inference:read', 'admin'] })).toEqual(['scopes']);
  });
});

it('a fault names the bound', () => {
  const asked = { ...FREE, expiresAtMs: NOW + 1, creditLimitNanoUsd: 7n };
  expect(
    grantFaults(keyWith({ expiresAtMs: NOW, creditLimitNanoUsd: 2_500_000_000n }), {
      ...asked,
      creditLimitNanoUsd: null,
    }),
  ).toEqual([
    { path: 'expires_at', message: 'must be at most 2026-12-01T00:00:00.000Z, when the key that asks expires' },
    { path: 'credit_limit_usd', message: 'must be at most 2.5, the limit of the key that asks' },
  ]);
});
