import { fieldErrors, validate } from '@tollgate/errors';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { usageEventsQuery, usageQuery } from './usage.requests.js';

const id = '0b4f2f5e-7f5c-4d0e-9a77-0123456789ab';
const faults = (schema: z.ZodType, query: object) => {
  const result = validate(schema, query);
  return result.kind === 'valid' ? [] : fieldErrors(result.faults).map(({ path, message }) => `${path}: ${message}`);
};

describe('a query for usage', () => {
  it('takes an id in any case as the same id', () => {
    for (const written of [id, id.toUpperCase(), 'FFFFFFFF-ffff-FfFf-fFfF-ffffffffffff']) {
      expect(validate(usageQuery, { api_key_id: written })).toMatchObject({
        value: { api_key_id: written.toLowerCase() },
      });
      expect(validate(usageEventsQuery, { request_id: written })).toMatchObject({
        value: { request_id: written.toLowerCase() },
      });
    }
  });

  it.each([
    ['key', ['api_key_id']],
    ['key,model', ['api_key_id', 'model']],
    ['status,group', ['status', 'group_id']],
    ['project,member', ['project_id', 'member_id']],
    ['api_key_id,provider', ['api_key_id', 'provider']],
    ['route', ['route']],
  ])('groups by %s, with or without the ids’ endings', (written, fields) => {
    expect(validate(usageQuery, { group_by: written })).toMatchObject({ value: { group_by: fields } });
  });

  it('takes a period that ends where it begins, whatever the offsets it is written with', () => {
    expect(validate(usageQuery, { from: '2026-11-20T01:00:00+01:00', to: '2026-11-20T00:00:00Z' })).toMatchObject({
      kind: 'valid',
    });
    expect(validate(usageQuery, { from: '2026-11-20T00:00:00+05:30', to: '2026-11-19T20:00:00Z' })).toMatchObject({
      kind: 'valid',
    });
  });

  it.each([
    ['to a moment', { to: '2198-01-01T00:00:00Z' }, 1],
    ['in days to a moment', { to: '2197-01-03T00:00:00Z', interval: 'day' }, 2],
    ['without an end', {}, 1],
    ['in days without an end', { interval: 'day' }, 0],
  ])('takes a period of the future as it is asked: %s', (_what, query, buckets) => {
    const from = '2197-01-01T00:00:00Z';
    const { value } = validate(usageQuery, { from, ...query }) as unknown as { value: { bounds: number[] } };
    expect([value.bounds[0], value.bounds.length - 1]).toEqual([Date.parse(from), buckets]);
    expect(value.bounds.at(-1)).toBe(
      'to' in query ? Date.parse(query.to) : 'interval' in query ? Date.parse(from) : Infinity,
    );
  });

  it.each<[string, z.ZodType, object, string[]]>([
    [
      'a period that ends before it begins',
      usageQuery,
      { from: '2026-11-21T00:00:00Z', to: '2026-11-20T23:59:59.999Z' },
      ['from: must not be after to'],
    ],
    [
      'the same in other offsets',
      usageQuery,
      { from: '2026-11-20T00:00:00-08:00', to: '2026-11-20T07:59:59Z' },
      ['from: must not be after to'],
    ],
    [
      'a period of words',
      usageQuery,
      { from: 'yesterday', to: 'today' },
      ['from', 'to'].map((field) => `${field}: must be an RFC 3339 date and time, as 2030-01-31T12:00:00Z`),
    ],
    ['an id that is none', usageQuery, { api_key_id: 'nonsense' }, ['api_key_id: must be a UUID']],
    ['two ids', usageQuery, { api_key_id: [id, id] }, ['api_key_id: must be a string']],
    ['what is not asked by', usageQuery, { page: '2' }, ['page: unknown field']],
    [
      'a group twice, by two names',
      usageQuery,
      { group_by: 'key,api_key_id' },
      ['group_by: must not name a field twice'],
    ],
    ['no request id', usageEventsQuery, {}, ['request_id: is required']],
    ['an empty request id', usageEventsQuery, { request_id: '' }, ['request_id: must be a UUID']],
    ['a request id in braces', usageEventsQuery, { request_id: `{${id}}` }, ['request_id: must be a UUID']],
    ['a request id with a space behind it', usageEventsQuery, { request_id: `${id} ` }, ['request_id: must be a UUID']],
    ['two request ids', usageEventsQuery, { request_id: [id, id] }, ['request_id: must be a string']],
    [
      'what events are not found by',
      usageEventsQuery,
      { request_id: id, api_key_id: id },
      ['api_key_id: unknown field'],
    ],
  ])('is refused with %s', (_what, schema, query, expected) => {
    expect(faults(schema, query)).toEqual(expected);
  });
});
