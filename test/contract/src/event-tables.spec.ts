import {
  USAGE_RECORDED_V1_FIELDS,
  USAGE_RECORDED_V2_FIELDS,
  usageRecordedV1,
  usageRecordedV2,
} from '@tollgate/contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { usageRecordedV1 as former } from '../releases/2026-11-29-2/contracts/index.js';

describe('the table of a usage event', () => {
  it('has the fields of the schema of the release of 2026-11-29, in their order and of their shapes, and what was added may be absent', () => {
    const added = Object.entries(USAGE_RECORDED_V1_FIELDS).flatMap(([name, { optional }]) => (optional ? [name] : []));
    expect(added).toEqual(['secretId']);
    expect(Object.keys(USAGE_RECORDED_V1_FIELDS)).toEqual([...Object.keys(former.shape), ...added]);
    const shared = usageRecordedV1.omit({ secretId: true });
    expect(JSON.stringify(z.toJSONSchema(shared))).toBe(JSON.stringify(z.toJSONSchema(former)));
  });

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
    expect(Object.values(USAGE_RECORDED_V2_FIELDS).every(({ optional }) => !optional)).toBe(true);
  });
});
