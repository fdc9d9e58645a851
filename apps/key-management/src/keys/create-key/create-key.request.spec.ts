import { randomUUID } from 'node:crypto';
import { fieldErrors, validate } from '@tollgate/errors';
import { describe, expect, it } from 'vitest';
import { createKeyRequest } from './create-key.request.js';
import { keySettings } from './key-settings.js';

const now = new Date('2026-11-20T12:00:00.000Z');
/** As a caller meets it: the schema, then what depends on the moment. */
function read(body: unknown) {
  const request = validate(createKeyRequest, body);
  if (request.kind === 'invalid') return { kind: 'invalid', errors: fieldErrors(request.faults) } as const;
  const result = keySettings(request.value, now);
  return result.kind === 'invalid' ? result : ({ kind: 'valid', value: result.settings } as const);
}
const faults = (body: unknown) => {
  const result = read(body);
  return result.kind === 'valid' ? [] : result.errors.map(({ path, message }) => `${path}: ${message}`);
};

describe('a request for a key', () => {
  it('needs a name only: what is absent is unlimited, and both inference scopes are given', () => {
    expect(read({ name: ' support bot ' })).toEqual({
      kind: 'valid',
      value: {
        name: 'support bot',
        description: null,
        scopes: ['inference:read', 'inference:write'],
        expiresAt: null,
        creditLimitNanoUsd: null,
        creditReset: 'never',
        rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
        models: null,
        allowedIps: null,
        browserUse: 'allowed',
        rotateEveryDays: null,
        projectId: null,
        groupIds: [],
      },
    });
  });

  it('takes null for every limit', () => {
    const body = {
      name: 'n',
      description: null,
      scopes: null,
      expires_in_days: null,
      expires_at: null,
      credit_limit_usd: null,
      rate_limits: null,
      models: null,
      allowed_ips: null,
      credit_reset: null,
      browser_use: null,
      rotate_every_days: null,
      project_id: null,
      groups: null,
    };
    expect(read(body)).toMatchObject({ kind: 'valid' });
    expect(read({ name: 'n', rate_limits: { requests_per_minute: null } })).toMatchObject({ kind: 'valid' });
  });

  it('is read in full', () => {
    const body = {
      name: 'n',
      description: 'for tests',
      scopes: ['admin', 'admin'],
      expires_in_days: 30,
      credit_limit_usd: 0.000123,
      credit_reset: 'weekly',
      rate_limits: { requests_per_minute: 1, tokens_per_minute: 2, parallel_requests: 3 },
      models: ['gpt-4o', 'gpt-4o'],
      allowed_ips: ['10.0.0.0/8', '::1'],
      browser_use: 'refused',
      rotate_every_days: 90,
      project_id: '7D0F0B1E-2F3A-4F77-9C55-0123456789AB',
      groups: ['8d0f0b1e-2f3a-4f77-9c55-0123456789ab', '8D0F0B1E-2F3A-4F77-9C55-0123456789AB'],
    };
    expect(read(body)).toEqual({
      kind: 'valid',
      value: {
        name: 'n',
        description: 'for tests',
        scopes: ['admin'],
        expiresAt: new Date('2026-12-20T12:00:00.000Z'),
        creditLimitNanoUsd: 123_000n,
        creditReset: 'weekly',
        rateLimits: { requestsPerMinute: 1, tokensPerMinute: 2, parallelRequests: 3 },
        models: ['gpt-4o'],
        allowedIps: ['10.0.0.0/8', '::1'],
        browserUse: 'refused',
        rotateEveryDays: 90,
        projectId: '7d0f0b1e-2f3a-4f77-9c55-0123456789ab',
        groupIds: ['8d0f0b1e-2f3a-4f77-9c55-0123456789ab'],
      },
    });
    expect(read({ name: 'n', expires_at: '2027-01-01T00:00:00+01:00' })).toMatchObject({
      value: { expiresAt: new Date('2026-12-31T23:00:00Z') },
    });
  });

  it('takes text of any script, emoji and a description of several lines', () => {
    expect(read({ name: 'מפתח 👩‍🚀 ключ', description: 'one\ntwo' })).toMatchObject({
      value: { name: 'מפתח 👩‍🚀 ключ', description: 'one\ntwo' },
    });
  });

  it('takes models by patterns, as config.yaml names routes', () => {
    const models = ['gpt-*', '*', '*-mini', 'a*b*c', '**', 'models/*', 'x'.repeat(200)];
    expect(read({ name: 'n', models })).toMatchObject({ value: { models } });
  });

  it('may expire at most 3650 days ahead, however that is written', () => {
    expect(read({ name: 'n', expires_at: '2036-11-17T12:00:00Z' })).toMatchObject({
      value: { expiresAt: new Date('2036-11-17T12:00:00Z') },
    });
    for (const late of ['2036-11-17T12:00:00.001Z', '9999-12-31T23:59:59-23:59']) {
      expect(faults({ name: 'n', expires_at: late })).toEqual(['expires_at: must be at most 3650 days ahead']);
    }
  });

  it.each<[string, unknown, string[]]>([
    ['no name', {}, ['name: is required']],
    ['an empty name', { name: '  ' }, ['name: must have at least 1 character']],
    [
      'a name of which nothing is seen',
      { name: ' \u200b\u3164\u0301 ' },
      ['name: must have at least one visible character'],
    ],
    ['a long name', { name: 'x'.repeat(101) }, ['name: must have at most 100 characters']],
    ['a name of two lines', { name: 'a\nb' }, ['name: must have no control characters']],
    ['a name that is no Unicode text', { name: 'a\ud800' }, ['name: must be well-formed Unicode text']],
    [
      'a name that reads backwards',
      { name: 'gnp.\u202eexe' },
      ['name: must have no characters that change the direction of text'],
    ],
    [
      'a name that hides its order',
      { name: '\u2066a\u2069' },
      ['name: must have no characters that change the direction of text'],
    ],
    [
      'a description that is no Unicode text',
      { name: 'n', description: '\udc00' },
      ['description: must be well-formed Unicode text'],
    ],
    ['a description with a NUL', { name: 'n', description: 'a\u0000' }, ['description: must have no NUL characters']],
    [
      'a model that is no Unicode text',
      { name: 'n', models: ['gpt-4o', '\ud83d'] },
      ['models[1]: must be well-formed Unicode text'],
    ],
    ['a name that is no text', { name: 7 }, ['name: must be a string']],
    ['no object', [], [': must be an object']],
    ['unknown fields', { name: 'n', budget: 1, secret: 'x' }, ['budget: unknown field', 'secret: unknown field']],
    ['an unknown limit', { name: 'n', rate_limits: { per_hour: 1 } }, ['rate_limits.per_hour: unknown field']],
    [
      'an unknown scope',
      { name: 'n', scopes: ['root'] },
      ['scopes[0]: must be one of "inference:read", "inference:write", "analytics:read", "admin"'],
    ],
    ['no scope at all', { name: 'n', scopes: [] }, ['scopes: must have at least 1 item']],
    ['days out of range', { name: 'n', expires_in_days: 0 }, ['expires_in_days: must be at least 1']],
    ['too many days', { name: 'n', expires_in_days: 3651 }, ['expires_in_days: must be at most 3650']],
    ['half a day', { name: 'n', expires_in_days: 0.5 }, ['expires_in_days: must be a whole number']],
    [
      'a date without a time',
      { name: 'n', expires_at: '2030-01-01' },
      ['expires_at: must be an RFC 3339 date and time, as 2030-01-31T12:00:00Z'],
    ],
    ['this very moment', { name: 'n', expires_at: now.toISOString() }, ['expires_at: must be in the future']],
    [
      'two expiries',
      { name: 'n', expires_at: '2030-01-01T00:00:00Z', expires_in_days: 1 },
      ['expires_at: must not be given together with expires_in_days'],
    ],
    [
      'a negative limit',
      { name: 'n', credit_limit_usd: -1 },
      ['credit_limit_usd: must be an amount in USD from 0 to 9000000 with at most 9 decimals'],
    ],
    [
      'a limit too high',
      { name: 'n', credit_limit_usd: '9000000.000000001' },
      ['credit_limit_usd: must be an amount in USD from 0 to 9000000 with at most 9 decimals'],
    ],
    [
      'a limit too fine',
      { name: 'n', credit_limit_usd: 1e-10 },
      ['credit_limit_usd: must be an amount in USD from 0 to 9000000 with at most 9 decimals'],
    ],
    [
      'a limit that is no amount',
      { name: 'n', credit_limit_usd: true },
      ['credit_limit_usd: must be an amount in USD from 0 to 9000000 with at most 9 decimals'],
    ],
    [
      'no requests a minute',
      { name: 'n', rate_limits: { requests_per_minute: 0 } },
      ['rate_limits.requests_per_minute: must be at least 1'],
    ],
    [
      'too many at once',
      { name: 'n', rate_limits: { parallel_requests: 1e10 } },
      ['rate_limits.parallel_requests: must be at most 1000000000'],
    ],
    ['no models', { name: 'n', models: [] }, ['models: must have at least 1 item']],
    ['a model with a space in it', { name: 'n', models: ['gpt-4o', 'gpt 4o'] }, ['models[1]: must have no spaces']],
    [
      'a pattern of two lines',
      { name: 'n', models: ['gpt-*\n*'] },
      ['models[0]: must have no control characters', 'models[0]: must have no spaces'],
    ],
    ['too many models', { name: 'n', models: Array(101).fill('m') }, ['models: must have at most 100 items']],
    ['a model without a name', { name: 'n', models: [''] }, ['models[0]: must have at least 1 character']],
    [
      'what is no subnet',
      { name: 'n', allowed_ips: ['10.0.0.1', '10.0.0.0/33'] },
      ['allowed_ips[1]: must be an IP address, or a subnet as 192.168.1.0/24'],
    ],
    ['no subnet at all', { name: 'n', allowed_ips: [] }, ['allowed_ips: must have at least 1 item']],
    [
      'a cycle of no limit',
      { name: 'n', credit_reset: 'daily' },
      [
        'credit_reset: must be "never" or be left out where credit_limit_usd is null: there is no limit that could begin anew',
      ],
    ],
    [
      'an unknown cycle',
      { name: 'n', credit_limit_usd: 1, credit_reset: 'hourly' },
      ['credit_reset: must be one of "never", "daily", "weekly", "monthly"'],
    ],
    ['an unknown use', { name: 'n', browser_use: true }, ['browser_use: must be one of "allowed", "refused"']],
    ['no days to a reminder', { name: 'n', rotate_every_days: 0 }, ['rotate_every_days: must be at least 1']],
    ['too many days to it', { name: 'n', rotate_every_days: 3651 }, ['rotate_every_days: must be at most 3650']],
    ['what is no id of a project', { name: 'n', project_id: 'p' }, ['project_id: must be a UUID']],
    ['what is no id of a group', { name: 'n', groups: [randomUUID(), 7] }, ['groups[1]: must be a string']],
    [
      'too many groups',
      { name: 'n', groups: Array.from({ length: 51 }, () => randomUUID()) },
      ['groups: must have at most 50 items'],
    ],
    [
      'a kind, a maker or a tenant',
      { name: 'n', type: 'subscription', created_by: 'x', organization_id: 'default' },
      ['type: unknown field', 'created_by: unknown field', 'organization_id: unknown field'],
    ],
    [
      'several faults at once',
      { name: '', expires_in_days: 'soon', x: 1 },
      ['name: must have at least 1 character', 'expires_in_days: must be a number', 'x: unknown field'],
    ],
  ])('is refused with %s', (_what, body, expected) => {
    expect(faults(body)).toEqual(expected);
  });
});
