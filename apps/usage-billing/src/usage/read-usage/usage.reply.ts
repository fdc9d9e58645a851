import { z } from 'zod';

const count = z.int().min(0);
const usd = z.string().describe('Decimal USD, exact.');

/** The sums over the requests of a key or an organisation. */
export const usageReply = z
  .object({
    object: z.literal('usage'),
    api_key_id: z.string().nullable().describe('Null for all keys.'),
    totals: z.object({ requests: count, input_tokens: count, output_tokens: count, cost_usd: usd }),
  })
  .meta({
    id: 'Usage',
    examples: [
      {
        object: 'usage',
        api_key_id: '0b4f2f5e-7f5c-4d0e-9a77-0123456789ab',
        totals: { requests: 1_204, input_tokens: 812_345, output_tokens: 98_012, cost_usd: '3.120045' },
      },
    ],
  });
/** Sums of usage as a reply carries them. */
export type UsageObject = Readonly<z.input<typeof usageReply>>;
