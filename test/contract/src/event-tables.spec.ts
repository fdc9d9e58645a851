import { USAGE_RECORDED_V1_FIELDS, usageRecordedV1 } from '@tollgate/contracts';
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
});
