import { formatUsd } from '@tollgate/credit';
import { listReply } from '@tollgate/http';
import { z } from 'zod';
import { balanceOf, GRANT_STATES, hasExpired, stateOf, type Grant } from './grant.js';

const EXAMPLE = {
  object: 'credit_grant',
  id: '0199c000-0000-7000-8000-0000000000aa',
  organization_id: 'default',
  description: 'To try it out',
  state: 'active',
  amount_usd: '25',
  spent_usd: '3.5',
  held_usd: '0.25',
  expired_usd: '0',
  left_usd: '21.25',
  expires_at: '2027-01-01T00:00:00.000Z',
  created_at: '2026-11-29T09:30:00.000Z',
} as const;

const usd = (description: string) => z.string().describe(description);

/** A grant as the API shows it. Money is decimal USD; moments are RFC 3339 in UTC. */
export const creditGrantReply = z
  .object({
    object: z.literal('credit_grant'),
    id: z.uuid(),
    organization_id: z.string(),
    description: z.string().nullable(),
    state: z.enum(GRANT_STATES),
    amount_usd: usd('What was given: the sum of the four below.'),
    spent_usd: usd('What calls were charged to it.'),
    held_usd: usd('What calls in flight may still be charged to it.'),
    expired_usd: usd('What lapsed.'),
    left_usd: usd('What calls can still use.'),
    expires_at: z.string().nullable().meta({ format: 'date-time' }),
    created_at: z.string().meta({ format: 'date-time' }),
  })
  .meta({ id: 'CreditGrant', examples: [EXAMPLE] });
/** A grant as a reply carries it. */
export type CreditGrantObject = Readonly<z.input<typeof creditGrantReply>>;

/** One page of grants. */
export const creditGrantListReply = listReply('CreditGrantList', creditGrantReply, EXAMPLE);
/** A page of grants as a reply carries it. */
export type CreditGrantList = Readonly<z.input<typeof creditGrantListReply>>;

/** A grant with what is charged to its account and held on it, as of `now`. */
export function creditGrantObject(
  grant: Grant,
  account: { readonly postedNanoUsd: bigint; readonly heldNanoUsd: bigint },
  now: Date,
): CreditGrantObject {
  const balance = balanceOf(grant, account, now);
  return {
    object: 'credit_grant',
    id: grant.id,
    organization_id: grant.organizationId,
    description: grant.description,
    state: stateOf(balance, hasExpired(grant, now)),
    amount_usd: formatUsd(grant.amountNanoUsd),
    spent_usd: formatUsd(balance.spentNanoUsd),
    held_usd: formatUsd(balance.heldNanoUsd),
    expired_usd: formatUsd(balance.expiredNanoUsd),
    left_usd: formatUsd(balance.leftNanoUsd),
    expires_at: grant.expiresAt?.toISOString() ?? null,
    created_at: grant.createdAt.toISOString(),
  };
}
