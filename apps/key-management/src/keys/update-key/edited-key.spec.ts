import { fieldErrors, validate } from '@tollgate/errors';
import { describe, expect, it } from 'vitest';
import { revoked, type ApiKey } from '../api-key/api-key.js';
import { newApiKey } from '../api-key/new-api-key.js';
import { editedKey } from './edited-key.js';
import { updateKeyRequest } from './update-key.request.js';

const now = new Date('2026-11-20T12:00:00.000Z');
const GROUP = '8d0f0b1e-2f3a-4f77-9c55-0123456789ab';
const PROJECT = '7d0f0b1e-2f3a-4f77-9c55-0123456789ab';
const made = newApiKey(
  {
    id: '0b4f2f5e-7f5c-4d0e-9a77-0123456789ab',
    organizationId: 'default',
    name: 'support bot',
    description: 'what for',
    scopes: ['inference:write'],
    expiresAt: new Date('2027-01-01T00:00:00Z'),
    creditLimitNanoUsd: 5_000_000_000n,
    creditReset: 'daily',
    rateLimits: { requestsPerMinute: 60, tokensPerMinute: 1_000, parallelRequests: 2 },
    models: ['gpt-4o'],
    allowedIps: ['10.0.0.0/8'],
    browserUse: 'refused',
    rotateEveryDays: 90,
    projectId: PROJECT,
    groupIds: [GROUP],
    createdAt: now,
  },
  { digests: ['ab'.repeat(32)], maskedKey: 'sk-abc…wxyz' },
);
const unlimited: ApiKey = { ...made, creditLimitNanoUsd: null, creditReset: 'never' };

/** As a caller meets it: the schema, then what depends on the key and the moment. */
function edit(body: object, key: ApiKey = made, namesImmutable = false) {
  const request = validate(updateKeyRequest, body);
  if (request.kind === 'invalid') return { kind: 'invalid', errors: fieldErrors(request.faults) } as const;
  return editedKey(key, request.value, { namesImmutable }, now);
}
const changed = (body: object, key?: ApiKey) => {
  const result = edit(body, key);
  if (result.kind !== 'changed') throw new Error(JSON.stringify(result));
  return result.key;
};
const faults = (body: object, key?: ApiKey) => {
  const result = edit(body, key);
  return result.kind === 'invalid' ? result.errors.map(({ path, message }) => `${path}: ${message}`) : [];
};

describe('a raise of the limit of a key', () => {
  const raise = { amountNanoUsd: 2_000_000_000n, until: new Date('2026-12-20T12:00:00Z') };
  const asked = { amount_usd: 2, until: '2026-12-20T12:00:00Z' };
  const raised: ApiKey = { ...made, creditRaise: raise };
  it('goes on while other settings change, is taken back by null, and ends with the limit', () => {
    expect(changed({ credit_limit_usd: '7' }, raised)).toMatchObject({ creditRaise: raise });
    expect(edit({ credit_limit_raise: asked }, raised)).toEqual({ kind: 'unchanged' });
    expect(changed({ credit_limit_raise: null }, raised)).toMatchObject({ creditRaise: null });
    expect(changed({ credit_limit_usd: null }, raised)).toMatchObject({ creditRaise: null });
  });
  it.each([
    [{ ...asked, until: '2026-11-20T12:00:00Z' }, made, 'credit_limit_raise.until: must be in the future'],
    [{ ...asked, until: '2027-11-22T12:00:01Z' }, made, 'credit_limit_raise.until: must be at most 366 days ahead'],
    [asked, unlimited, 'credit_limit_raise: needs a limit: what is unlimited cannot be raised'],
    [
      { ...asked, amount_usd: '8999995.000000001' },
      made,
      'credit_limit_raise.amount_usd: and the limit may be at most 9000000 USD together',
    ],
  ])('is not %o', (credit_limit_raise, key, fault) => {
    expect(faults({ credit_limit_raise }, key)).toEqual([fault]);
  });
  it('and a limit that is set meanwhile are bounded together', () => {
    const fault = 'credit_limit_raise: and the limit may be at most 9000000 USD together';
    expect(faults({ credit_limit_usd: 8_999_999 }, raised)).toEqual([fault]);
    const ended = { ...raised, creditRaise: { ...raise, until: now } };
    expect(changed({ credit_limit_usd: 8_999_999 }, ended)).toMatchObject({
      creditLimitNanoUsd: 8_999_999_000_000_000n,
    });
  });
});

describe('a change of a key', () => {
  it.each<[object, Partial<ApiKey>]>([
    [{ name: ' another ' }, { name: 'another' }],
    [{ description: null }, { description: null }],
    [{ description: '' }, { description: null }],
    [{ scopes: ['admin', 'admin'] }, { scopes: ['admin'] }],
    [{ expires_at: null }, { expiresAt: null }],
    [{ expires_in_days: null }, { expiresAt: null }],
    [{ expires_in_days: 30 }, { expiresAt: new Date('2026-12-20T12:00:00.000Z') }],
    [{ expires_in_days: 30, expires_at: null }, { expiresAt: new Date('2026-12-20T12:00:00.000Z') }],
    [{ expires_at: '2026-11-20T12:00:00.001Z' }, { expiresAt: new Date('2026-11-20T12:00:00.001Z') }],
    [{ credit_limit_usd: '0.5' }, { creditLimitNanoUsd: 500_000_000n }],
    [{ credit_limit_usd: 0 }, { creditLimitNanoUsd: 0n }],
    [{ credit_limit_usd: null }, { creditLimitNanoUsd: null, creditReset: 'never' }],
    [
      { credit_limit_usd: null, credit_reset: null },
      { creditLimitNanoUsd: null, creditReset: 'never' },
    ],
    [
      { credit_limit_raise: { amount_usd: '2', until: '2026-12-20T12:00:00Z' } },
      { creditRaise: { amountNanoUsd: 2_000_000_000n, until: new Date('2026-12-20T12:00:00Z') } },
    ],
    [{ credit_reset: 'monthly' }, { creditReset: 'monthly', creditGeneration: 2 }],
    [{ credit_reset: null }, { creditReset: 'never', creditGeneration: 2 }],
    [
      { rate_limits: { requests_per_minute: 7 } },
      { rateLimits: { requestsPerMinute: 7, tokensPerMinute: 1_000, parallelRequests: 2 } },
    ],
    [
      { rate_limits: { tokens_per_minute: null, parallel_requests: 9 } },
      { rateLimits: { requestsPerMinute: 60, tokensPerMinute: null, parallelRequests: 9 } },
    ],
    [{ rate_limits: null }, { rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null } }],
    [{ models: ['a', 'b', 'a'] }, { models: ['a', 'b'] }],
    [{ models: null }, { models: null }],
    [{ allowed_ips: ['::1'] }, { allowedIps: ['::1'] }],
    [{ allowed_ips: null }, { allowedIps: null }],
    [{ project_id: null }, { projectId: null }],
    [{ project_id: GROUP.toUpperCase() }, { projectId: GROUP }],
    [{ browser_use: 'allowed' }, { browserUse: 'allowed' }],
    [{ browser_use: null }, { browserUse: 'allowed' }],
    [{ rotate_every_days: null }, { rotateEveryDays: null }],
    [{ rotate_every_days: 1 }, { rotateEveryDays: 1 }],
    [{ groups: [] }, { groupIds: [] }],
    [{ groups: null }, { groupIds: [] }],
    [{ groups: [PROJECT, GROUP, PROJECT] }, { groupIds: [PROJECT, GROUP] }],
  ])('%j changes what it names in a new version, and keeps the rest', (body, fields) => {
    expect(changed(body)).toEqual({ ...made, ...fields, version: 2 });
  });

  it.each([
    {},
    { name: 'support bot', description: 'what for', scopes: ['inference:write'] },
    { expires_at: '2027-01-01T01:00:00+01:00', credit_limit_usd: 5, credit_reset: 'daily' },
    { rate_limits: {}, models: ['gpt-4o'], allowed_ips: ['10.0.0.0/8'], browser_use: 'refused' },
    { rate_limits: { requests_per_minute: 60 }, rotate_every_days: 90, project_id: PROJECT, groups: [GROUP] },
  ])('that says what is so already is none: %j', (body) => expect(edit(body)).toEqual({ kind: 'unchanged' }));

  it.each<[string, object, string[]]>([
    ['no name', { name: null }, ['name: must be a string']],
    ['no scopes', { scopes: null }, ['scopes: must be a list']],
    ['an empty list of scopes', { scopes: [] }, ['scopes: must have at least 1 item']],
    ['an empty list of models', { models: [] }, ['models: must have at least 1 item']],
    ['an empty list of networks', { allowed_ips: [] }, ['allowed_ips: must have at least 1 item']],
    ['a moment that has passed', { expires_at: '2026-11-20T12:00:00Z' }, ['expires_at: must be in the future']],
    [
      'a moment too far ahead',
      { expires_at: '2036-11-17T12:00:00.001Z' },
      ['expires_at: must be at most 3650 days ahead'],
    ],
    ['no days', { expires_in_days: 0 }, ['expires_in_days: must be at least 1']],
    [
      'the year 275760',
      { expires_at: '275760-01-01T00:00:00Z' },
      ['expires_at: must be an RFC 3339 date and time, as 2030-01-31T12:00:00Z'],
    ],
    [
      'two expiries',
      { expires_at: '2027-01-01T00:00:00Z', expires_in_days: 1 },
      ['expires_at: must not be given together with expires_in_days'],
    ],
    [
      'a limit that is taken away, with a cycle',
      { credit_limit_usd: null, credit_reset: 'daily' },
      [
        'credit_reset: must be "never" or be left out where credit_limit_usd is null: there is no limit that could begin anew',
      ],
    ],
    [
      'a limit too high',
      { credit_limit_usd: '9000000.1' },
      ['credit_limit_usd: must be an amount in USD from 0 to 9000000 with at most 9 decimals'],
    ],
    [
      'no requests',
      { rate_limits: { requests_per_minute: 0 } },
      ['rate_limits.requests_per_minute: must be at least 1'],
    ],
    ['a rate limit of another name', { rate_limits: { rpm: 1 } }, ['rate_limits.rpm: unknown field']],
    [
      'an unknown cycle',
      { credit_reset: 'yearly' },
      ['credit_reset: must be one of "never", "daily", "weekly", "monthly"'],
    ],
    ['an unknown use', { browser_use: 'some' }, ['browser_use: must be one of "allowed", "refused"']],
    ['an id that is none', { project_id: '1' }, ['project_id: must be a UUID']],
    ['a group that is no id', { groups: ['a'] }, ['groups[0]: must be a UUID']],
    [
      'what is not for callers',
      { type: 'router', version: 1, state: 'active', created_by: null, organization_id: 'o' },
      [
        'type: unknown field',
        'version: unknown field',
        'state: unknown field',
        'created_by: unknown field',
        'organization_id: unknown field',
      ],
    ],
  ])('is refused with %s', (_what, body, expected) => expect(faults(body)).toEqual(expected));

  it('gives a cycle to no key without a limit', () => {
    expect(faults({ credit_reset: 'daily' }, unlimited)).toHaveLength(1);
    expect(edit({ credit_reset: 'never' }, unlimited)).toEqual({ kind: 'unchanged' });
    expect(edit({ credit_reset: null }, unlimited)).toEqual({ kind: 'unchanged' });
  });
});

describe('the generation of a limit', () => {
  it('is the new version where there was no limit, or another cycle: it counts then what the ledger has', () => {
    const old = { ...unlimited, version: 8, creditGeneration: 3 };
    expect(changed({ credit_limit_usd: 1 }, old)).toMatchObject({ version: 9, creditGeneration: 9 });
    expect(changed({ credit_limit_usd: 1, credit_reset: 'weekly' }, old)).toMatchObject({ creditGeneration: 9 });
    expect(changed({ credit_reset: 'weekly' }, { ...made, version: 8 })).toMatchObject({ creditGeneration: 9 });
  });
  it('stays where a limit is raised, lowered or taken away, and where something else changes', () => {
    const old = { ...made, version: 8, creditGeneration: 3 };
    for (const body of [{ credit_limit_usd: 9 }, { credit_limit_usd: 0 }, { credit_limit_usd: null }, { name: 'b' }])
      expect(changed(body, old)).toMatchObject({ version: 9, creditGeneration: 3 });
  });
});

describe('a key that has ended', () => {
  it('keeps its settings once it is revoked; what it is called can be changed', () => {
    const dead = revoked(made, 'leaked', now)!;
    expect(edit({ name: 'b', description: null }, dead)).toMatchObject({ kind: 'changed', key: { name: 'b' } });
    for (const body of [{ expires_at: null }, { credit_limit_usd: 1 }, { name: 'b', models: null }, { groups: [] }])
      expect(edit(body, dead)).toEqual({ kind: 'refused', code: 'api_key_ended' });
    expect(edit({ models: ['gpt-4o'] }, dead)).toEqual({ kind: 'unchanged' });
  });
  it('can be given a later end where it has only expired', () => {
    const expired = { ...made, expiresAt: new Date('2026-11-20T11:00:00Z') };
    expect(changed({ expires_in_days: 1 }, expired)).toMatchObject({ expiresAt: new Date('2026-11-21T12:00:00Z') });
    expect(changed({ models: null }, expired)).toMatchObject({ expiresAt: expired.expiresAt });
  });
});

it('no key is renamed where the organisation keeps their names', () => {
  expect(edit({ name: 'b' }, made, true)).toEqual({ kind: 'refused', code: 'key_names_immutable' });
  expect(edit({ name: made.name }, made, true)).toEqual({ kind: 'unchanged' });
  expect(edit({ description: null }, made, true)).toMatchObject({ kind: 'changed' });
});

describe('what nobody changes by hand', () => {
  it.each(['scopes', 'credit_limit_usd', 'credit_reset', 'rate_limits', 'models', 'project_id', 'groups'])(
    'is %s of a project key',
    (field) => {
      const values: Record<string, unknown> = {
        scopes: ['inference:write'],
        credit_limit_usd: 1,
        credit_reset: 'never',
      };
      expect(faults({ [field]: values[field] ?? null }, { ...made, kind: 'project', scopes: [] })).toEqual([
        `${field}: must be left out: a project key opens no inference and stays with its project`,
      ]);
    },
  );
  it('is what the plan of a subscription key decides about', () => {
    const key: ApiKey = { ...made, kind: 'subscription' };
    expect(faults({ scopes: ['admin'], expires_in_days: 3, credit_limit_usd: null, models: null }, key)).toEqual([
      'scopes: must be left out: the plan of a subscription key decides about it',
      'expires_in_days: must be left out: the plan of a subscription key decides about it',
      'credit_limit_usd: must be left out: the plan of a subscription key decides about it',
      'models: must be left out: the plan of a subscription key decides about it',
    ]);
    expect(changed({ name: 'b', allowed_ips: ['::1'], browser_use: 'allowed', groups: [] }, key)).toMatchObject({
      name: 'b',
      allowedIps: ['::1'],
      groupIds: [],
    });
  });
});
