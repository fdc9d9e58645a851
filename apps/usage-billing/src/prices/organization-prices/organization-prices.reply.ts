import { priceOverridesSchema } from '@tollgate/config';
import { z } from 'zod';

/** The prices that an organisation has of its own. */
export const organizationPricesReply = z
  .object({
    object: z.literal('organization_prices'),
    organization_id: z.string(),
    price_version: z.string().describe('The version that usage events of the organisation have from now on.'),
    prices: priceOverridesSchema,
  })
  .meta({
    id: 'OrganizationPrices',
    examples: [
      {
        object: 'organization_prices',
        organization_id: 'default',
        price_version: '85655c625b91-0f3a1c5b7d92',
        prices: [{ provider: 'openai', model: 'gpt-4o', input_usd_per_million: '2', output_usd_per_million: '8' }],
      },
    ],
  });
/** They as a reply carries them. */
export type OrganizationPricesObject = Readonly<z.input<typeof organizationPricesReply>>;
