import { formatUsd } from '@tollgate/credit';
import { z } from 'zod';
import type { UsageBucket } from '../query-usage/query-usage.js';
import { dateOf } from './activity-days.js';

const count = z.int().min(0);

const item = z.object({
  date: z.string().meta({ format: 'date' }).describe('The UTC day on which the calls began.'),
  model: z.string().describe('The name that the provider has for the model.'),
  model_permaslug: z.string().describe('The same.'),
  endpoint_id: z.string().describe('Names the model at its provider.'),
  provider_name: z.string().describe('By its name in the configuration.'),
  usage: z.number().describe('What was charged, in USD.'),
  byok_usage_inference: z.literal(0).describe('Always 0: nobody brings keys of providers.'),
  requests: count,
  prompt_tokens: count.describe('All input, cached input included.'),
  completion_tokens: count.describe('All output, reasoning included.'),
  reasoning_tokens: count,
});
/** What was used on a day of one model at one provider, in the shape of OpenRouter. */
export type ActivityItem = z.output<typeof item>;

/** The activity of an organisation in the shape of OpenRouter, which has numbers. */
export const activityReply = z.object({ data: z.array(item) }).meta({
  id: 'OpenRouterActivity',
  examples: [
    {
      data: [
        {
          date: '2026-11-28',
          model: 'gpt-4o-mini',
          model_permaslug: 'gpt-4o-mini',
          endpoint_id: 'openai/gpt-4o-mini',
          provider_name: 'openai',
          usage: 0.015,
          byok_usage_inference: 0,
          requests: 5,
          prompt_tokens: 50,
          completion_tokens: 125,
          reasoning_tokens: 25,
        },
      ],
    },
  ],
});

/** The items of a day whose groups are told apart by model and provider. Amounts are the nearest numbers. */
export function activityItems({ fromMs, groups }: UsageBucket): ActivityItem[] {
  const date = dateOf(fromMs);
  // Calls that were refused reached no provider: there, too, they are no activity.
  const served = groups.filter(({ sums }) => sums.requests > 0);
  return served.map(({ values: [model, provider], sums }) => ({
    date,
    model: model ?? '',
    model_permaslug: model ?? '',
    endpoint_id: `${provider ?? ''}/${model ?? ''}`,
    provider_name: provider ?? '',
    usage: Number(formatUsd(sums.chargeNanoUsd)),
    byok_usage_inference: 0,
    requests: sums.requests,
    prompt_tokens: sums.inputTokens,
    completion_tokens: sums.outputTokens,
    reasoning_tokens: sums.tokens.reasoning,
  }));
}
