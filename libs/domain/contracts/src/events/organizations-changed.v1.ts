import { CREDIT_RESETS } from '@tollgate/api-key';
import { z } from 'zod';
import { id, nanoUsd, organizationPrices } from '../primitives.js';

/**
 * Bus topic; key `organizationId`; from usage-billing to key-management: what an organisation's snapshot must say of
 * its credit. It is the whole state, so of several messages the one with the highest version counts.
 */
export const ORGANIZATIONS_CHANGED_V1 = 'organizations.changed.v1';

const raise = z.object({ amountNanoUsd: nanoUsd, untilMs: z.int() });

export const organizationsChangedV1 = z.object({
  eventVersion: z.literal(1),
  organizationId: id,
  /** Grows with each change of what this message tells. */
  version: z.int().positive(),
  budgets: z.array(
    z.object({
      kind: z.enum(['group', 'project']),
      ownerId: id,
      capNanoUsd: nanoUsd,
      reset: z.enum(CREDIT_RESETS),
      generation: z.int().nonnegative(),
      raise: raise.nullable(),
    }),
  ),
  /** In the order in which they are spent, without expired ones; null for an organisation that pays afterwards. */
  grants: z.array(z.object({ grantId: id, amountNanoUsd: nanoUsd, expiresAtMs: z.int().nullable() })).nullable(),
  /** In millionths of the cost: 50,000 is 5 %. */
  markupMillionths: z.int().nonnegative(),
  /** Prices of its own; absent for none. */
  prices: organizationPrices.optional(),
});
/** An organisation's credit, as `organizations.changed.v1` carries it. */
export type OrganizationsChangedV1 = z.infer<typeof organizationsChangedV1>;
