import { formatUsd } from '@tollgate/credit';
import { z } from 'zod';
import { creditGrantReply } from '../grants/credit-grant.reply.js';
import { BALANCES } from '../terms/organization-terms.js';
import type { Credits } from './read-credits.js';

const usd = (description: string) => z.string().describe(description);

/** The credit of an organisation. Money is decimal USD. */
export const creditsReply = z
  .object({
    object: z.literal('credits'),
    organization_id: z.string(),
    balance: z.enum(BALANCES),
    total_granted_usd: usd('All that was ever given: the sum of the four below.'),
    used_usd: usd('What calls were charged to grants.'),
    held_usd: usd('What calls in flight may still be charged.'),
    expired_usd: usd('What lapsed.'),
    remaining_usd: usd('What calls can still use: what calls in flight hold is taken off already.'),
    charged_usd: usd('What all calls were charged, also before the organisation was prepaid.'),
    grants: z.array(creditGrantReply).describe('Grants that are neither used up nor done with.'),
  })
  .meta({
    id: 'Credits',
    examples: [
      {
        object: 'credits',
        organization_id: 'default',
        balance: 'prepaid',
        total_granted_usd: '25',
        used_usd: '3.5',
        held_usd: '0.25',
        expired_usd: '0',
        remaining_usd: '21.25',
        charged_usd: '3.5',
        grants: [],
      },
    ],
  });
/** It as a reply carries it. */
export type CreditsObject = Readonly<z.input<typeof creditsReply>>;

/** The same in the shape of OpenRouter, which has numbers. */
export const openRouterCreditsReply = z
  .object({
    data: z.object({
      total_credits: z.number().describe('All that was ever given and did not lapse, in USD.'),
      total_usage: z
        .number()
        .describe(
          'In USD. Of a prepaid organisation what its grants paid, so that `total_credits` less this is what is left, with what calls in flight hold: never below 0, and without calls that a subscription or an earlier invoice paid. Of any other, what all calls were charged.',
        ),
    }),
  })
  .meta({ id: 'OpenRouterCredits', examples: [{ data: { total_credits: 25, total_usage: 3.5 } }] });
/** It as a reply carries it. */
export type OpenRouterCreditsObject = Readonly<z.input<typeof openRouterCreditsReply>>;

/** The credit of an organisation for a reply. */
export function creditsObject(organizationId: string, credits: Credits): CreditsObject {
  return {
    object: 'credits',
    organization_id: organizationId,
    balance: credits.balance,
    total_granted_usd: formatUsd(credits.grantedNanoUsd),
    used_usd: formatUsd(credits.spentNanoUsd),
    held_usd: formatUsd(credits.heldNanoUsd),
    expired_usd: formatUsd(credits.expiredNanoUsd),
    remaining_usd: formatUsd(credits.leftNanoUsd),
    charged_usd: formatUsd(credits.chargedNanoUsd),
    grants: [...credits.grants],
  };
}

/** The same for clients of OpenRouter: the nearest numbers. */
export function openRouterCreditsObject(credits: Credits): OpenRouterCreditsObject {
  return {
    data: {
      total_credits: Number(formatUsd(credits.grantedNanoUsd - credits.expiredNanoUsd)),
      total_usage: Number(formatUsd(credits.balance === 'prepaid' ? credits.spentNanoUsd : credits.chargedNanoUsd)),
    },
  };
}
