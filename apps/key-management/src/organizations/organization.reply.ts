import { creditLimitRaiseReply, listReply } from '@tollgate/http';
import { z } from 'zod';

const EXAMPLE = {
  object: 'organization',
  id: '7d0f0b1e-2f3a-4f77-9c55-0123456789ab',
  name: 'Acme',
  credit_limit_usd: null,
  credit_limit_raise: null,
  key_names_immutable: false,
  created_at: '2026-11-20T09:30:00.000Z',
} as const;

/** An organisation as the admin API shows it. Moments are RFC 3339 in UTC, money is decimal USD. */
export const organizationReply = z
  .object({
    object: z.literal('organization'),
    id: z.string().describe('A UUID; `default` for the one that every installation has.'),
    name: z.string(),
    credit_limit_usd: z.string().nullable().describe('What all its keys may spend together; null is unlimited.'),
    credit_limit_raise: creditLimitRaiseReply,
    key_names_immutable: z.boolean().describe('Whether its keys keep the names that they were made with.'),
    created_at: z.string().meta({ format: 'date-time' }),
  })
  .meta({ id: 'Organization', examples: [EXAMPLE] });
/** An organisation as a reply carries it, before it is serialised. */
export type OrganizationObject = Readonly<z.input<typeof organizationReply>>;

const EXAMPLE_WITH_USE = {
  ...EXAMPLE,
  credit_limit_usd: '500',
  credit_used_usd: '123.45',
  credit_remaining_usd: '376.55',
} as const;

/** An organisation, and what its keys spent of its limit. */
export const organizationWithUseReply = organizationReply
  .extend({
    credit_used_usd: z
      .string()
      .nullable()
      .describe('What counts against the limit, in decimal USD. Null without a limit, and while it is not known.'),
    credit_remaining_usd: z
      .string()
      .nullable()
      .describe(
        'The limit with a raise, less what was charged and what calls in flight hold: 0 where more is used. Null without a limit, and while it is not known.',
      ),
  })
  .meta({
    id: 'OrganizationWithUse',
    examples: [EXAMPLE_WITH_USE, { ...EXAMPLE, credit_used_usd: null, credit_remaining_usd: null }],
  });
/** Such an organisation as a reply carries it. */
export type OrganizationWithUseObject = Readonly<z.input<typeof organizationWithUseReply>>;

/** An organisation that was deleted with this request. */
export const deletedOrganizationReply = organizationReply
  .extend({ deleted: z.literal(true) })
  .meta({ id: 'DeletedOrganization', examples: [{ ...EXAMPLE, deleted: true }] });

/** One page of organisations. */
export const organizationListReply = listReply('OrganizationList', organizationReply, EXAMPLE);
/** A page of organisations as a reply carries it. */
export type OrganizationList = Readonly<z.input<typeof organizationListReply>>;
