import { CREDIT_RESETS } from '@tollgate/api-key';
import { z } from 'zod';
import { id, instant, nanoUsd } from '../primitives.js';

/**
 * Bus topic; key `organizationId`; from key-management to usage-billing: the credit limit of a key or of an
 * organisation is another one, resets in another way, or is raised for a time. It is the whole limit, so of several
 * messages about one the highest version counts. It tells people in time; what calls may spend follows from snapshots.
 */
export const LIMITS_CHANGED_V1 = 'limits.changed.v1';

export const limitsChangedV1 = z.object({
  eventVersion: z.literal(1),
  organizationId: id,
  /** Whose limit it is; null for that of the organisation. */
  apiKeyId: id.nullable(),
  /** Of the key, or of the organisation. */
  version: z.int().positive(),
  /** Without a raise; null for no limit. */
  capNanoUsd: nanoUsd.nullable(),
  reset: z.enum(CREDIT_RESETS),
  /** More than the limit, until the first moment without it. */
  raise: z.object({ amountNanoUsd: nanoUsd, until: instant }).nullable(),
  changedAt: instant,
});
/** A changed limit, as `limits.changed.v1` carries it. */
export type LimitsChangedV1 = z.infer<typeof limitsChangedV1>;
