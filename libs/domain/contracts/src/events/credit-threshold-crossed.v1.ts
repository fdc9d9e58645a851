import { z } from 'zod';
import { id, instant, nanoUsd } from '../primitives.js';

/** Bus topic; key `accountId`; from usage-billing, once for each account, cycle and level. */
export const CREDIT_THRESHOLD_CROSSED_V1 = 'credit.threshold-crossed.v1';

export const creditThresholdCrossedV1 = z.object({
  eventVersion: z.literal(1),
  organizationId: id,
  accountId: id,
  /** The key whose limit it is; null for another account. */
  apiKeyId: id.nullable(),
  /** 50, 80, 90 or 100 per cent. */
  level: z.int(),
  postedNanoUsd: nanoUsd,
  capNanoUsd: nanoUsd,
  crossedAt: instant,
});
/** A threshold that was crossed, as `credit.threshold-crossed.v1` carries it. */
export type CreditThresholdCrossedV1 = z.infer<typeof creditThresholdCrossedV1>;
