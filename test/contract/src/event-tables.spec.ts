import {
  USAGE_RECORDED_V1_FIELDS,
  USAGE_RECORDED_V2_FIELDS,
  usageRecordedV1,
  usageRecordedV2,
} from '@tollgate/contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import * as former from '../releases/2026-11-29-3/contracts/index.js';

describe('the table of a usage event', () => {
  it.each([
    { version: 1, fields: USAGE_RECORDED_V1_FIELDS, ours: usageRecordedV1, theirs: former.usageRecordedV1, added: [] },
    {
      version: 2,
      fields: USAGE_RECORDED_V2_FIELDS,
      // Accounts say which part of a hold stands on a grant.
      ours: usageRecordedV2.omit({ accounts: true }),
      theirs: former.usageRecordedV2.omit({ accounts: true }),
      added: ['billableNanoUsd', 'unpriced', 'otherRouteGroupIds'],
    },
  ])(
    'of version $version has the fields of the third release of 2026-11-29, in their order and shapes, and what was added may be absent',
    ({ fields, ours, theirs, added }) => {
      const shapes = (schema: z.ZodObject): [string, string][] =>
        Object.entries(schema.shape)
          .filter(([name]) => !added.some((each) => each === name))
          .map(([name, shape]) => [name, JSON.stringify(z.toJSONSchema(shape as z.ZodType))]);
      expect(shapes(ours)).toEqual(shapes(theirs));
      const optional = Object.entries(fields).flatMap(([name, each]) => (each.optional ? [name] : []));
      for (const name of added) expect(optional).toContain(name);
    },
  );

  it('has in its second version the fields of the first, in their order, and money in the same shapes', () => {
    const first = Object.keys(USAGE_RECORDED_V1_FIELDS);
    expect(Object.keys(USAGE_RECORDED_V2_FIELDS).slice(0, first.length)).toEqual(first);
    // Accounts say more, and the secret is always said.
    const differ = { eventVersion: true, accounts: true, secretId: true } as const;
    const shared = Object.keys(usageRecordedV1.omit(differ).shape);
    const ofSecond = Object.fromEntries(shared.map((name) => [name, true]));
    expect(z.toJSONSchema(usageRecordedV2.pick(ofSecond as never))).toEqual(
      z.toJSONSchema(usageRecordedV1.omit(differ)),
    );
  });
});
