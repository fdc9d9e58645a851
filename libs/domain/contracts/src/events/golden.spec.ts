import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  auditRecordedV1,
  callsRefusedV1,
  creditThresholdCrossedV1,
  keysChangedV1,
  keysUsedV1,
  leaksReportedV1,
  limitsChangedV1,
  noticesV1,
  organizationsChangedV1,
  subscriptionsChangedV1,
  USAGE_RECORDED_V2_FIELDS,
  usageRecordedV1,
  usageRecordedV2,
} from '../index.js';

/** What a writer of this version may leave out. */
const USUAL_OF_V2 = Object.keys(USAGE_RECORDED_V2_FIELDS).filter(
  (name) => 'usual' in USAGE_RECORDED_V2_FIELDS[name as keyof typeof USAGE_RECORDED_V2_FIELDS],
);

/**
 * An event version never changes: what would change one of these is a new version beside it. Only a field that may be
 * absent can be added; then the former sample stays, and one with the field joins it. The schemas are for
 * reading, so they pass over unknown fields; that writers add none is tested where events are written.
 */
const frozen: readonly [name: string, schema: z.ZodType, shape: string, optional?: readonly string[]][] = [
  ['keys-changed.v1', keysChangedV1, '54bd1205f5cb389d'],
  ['usage-recorded.v1', usageRecordedV1, '08ed51b0defa82b1'],
  ['usage-recorded.v1.with-secret', usageRecordedV1, '08ed51b0defa82b1', ['secretId']],
  ['usage-recorded.v2', usageRecordedV2, '28c7a589a2bd83c9', USUAL_OF_V2],
  ['usage-recorded.v2.with-mark-up', usageRecordedV2, '28c7a589a2bd83c9', [...USUAL_OF_V2, 'billableNanoUsd']],
  ['usage-recorded.v2.unpriced', usageRecordedV2, '28c7a589a2bd83c9', [...USUAL_OF_V2, 'unpriced']],
  ['usage-recorded.v2.of-several-groups', usageRecordedV2, '28c7a589a2bd83c9', [...USUAL_OF_V2, 'otherRouteGroupIds']],
  ['organizations-changed.v1', organizationsChangedV1, '7b92afc9caaf8da1'],
  ['organizations-changed.v1.with-prices', organizationsChangedV1, '7b92afc9caaf8da1', ['prices']],
  ['subscriptions-changed.v1', subscriptionsChangedV1, '04f4501daf6077bb'],
  ['subscriptions-changed.v1.with-cycle-terms', subscriptionsChangedV1, '04f4501daf6077bb'],
  ['calls-refused.v1', callsRefusedV1, '866820fd2a1135eb'],
  ['audit-recorded.v1', auditRecordedV1, 'ed0a7ee0f062d078'],
  ['limits-changed.v1', limitsChangedV1, 'ec8d5d97e356e92f'],
  ['notices.v1', noticesV1, '615d81b5980398fd'],
  ['credit-threshold-crossed.v1', creditThresholdCrossedV1, '5738bfecc1a618dc'],
  ['keys-used.v1', keysUsedV1, 'fe96a0e87a6af4d9'],
  ['leaks-reported.v1', leaksReportedV1, 'b67245094d6622a8'],
];
const shapeOf = (schema: z.ZodType): string =>
  createHash('sha256')
    .update(JSON.stringify(z.toJSONSchema(schema)))
    .digest('hex')
    .slice(0, 16);

describe.each(frozen)('the event %s', (name, schema, shape, optional = []) => {
  const golden = JSON.parse(readFileSync(new URL(`./golden/${name}.json`, import.meta.url), 'utf8')) as Record<
    string,
    unknown
  >;
  it('is read as it was when it was frozen, to the last field', () => {
    expect(schema.parse(golden)).toEqual(golden);
  });
  it('needs every one of its first fields, and passes over what a later release adds', () => {
    for (const field of Object.keys(golden))
      expect(schema.safeParse({ ...golden, [field]: undefined }).success, field).toBe(optional.includes(field));
    expect(schema.parse({ ...golden, another: 1 })).toEqual(golden);
  });
  it('has the shape it was frozen with', () => {
    expect(shapeOf(schema)).toBe(shape);
  });
});
