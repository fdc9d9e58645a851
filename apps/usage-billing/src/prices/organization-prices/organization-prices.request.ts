import { PRICE_OVERRIDES_BYTES_MAX, PRICE_OVERRIDES_MAX, priceOverridesSchema } from '@tollgate/config';
import { z } from 'zod';

/** The body of `PUT /v1/organizations/{id}/prices`: all prices that the organisation has from then on. */
export const organizationPricesRequest = z
  .strictObject({
    prices: priceOverridesSchema.describe(
      `At most ${PRICE_OVERRIDES_MAX} prices and ${PRICE_OVERRIDES_BYTES_MAX} bytes as JSON, in the shape of \`prices\` in config.yaml. They replace those that were set before; \`[]\` takes all back.`,
    ),
  })
  .meta({
    id: 'SetOrganizationPrices',
    examples: [
      {
        prices: [
          { provider: 'openai', model: 'gpt-4o', input_usd_per_million: '2', output_usd_per_million: '8' },
          { provider: 'openai', model: 'gpt-4o-mini', source: 'openai', cached_input_usd_per_million: '0.05' },
        ],
      },
    ],
  });
export type OrganizationPricesRequest = z.output<typeof organizationPricesRequest>;
