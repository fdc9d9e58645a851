import { z } from 'zod';
import { RULES, type Explanation } from './explanation.js';

const RULE = z.enum(RULES);
const value = z
  .unknown()
  .describe('What the rule compares: the setting of the key, or the limit with what is used and left of it.');

const EXAMPLE = {
  object: 'explanation',
  api_key_id: '7b0f7a52-1c7e-4b7e-9a55-0123456789ab',
  at: '2026-12-01T09:30:00.000Z',
  passes: false,
  rule: 'credit',
  code: 'quota_exceeded',
  message: 'The credit limit is reached.',
  value: {
    credit_limit_usd: '5',
    credit_used_usd: '5',
    credit_left_usd: '0',
    credit_reset: 'daily',
    resets_at: '2026-12-02T00:00:00.000Z',
  },
  resets_at: '2026-12-02T00:00:00.000Z',
  checked: [
    { rule: 'state', passes: true, value: { state: 'active' } },
    { rule: 'allowed_ips', passes: null, value: ['192.0.2.0/24'] },
  ],
} as const;

/** Whether a key would pass, and what stops it. */
export const explanationReply = z
  .object({
    object: z.literal('explanation'),
    api_key_id: z.uuid(),
    at: z.string().meta({ format: 'date-time' }).describe('The moment that the answer is about.'),
    passes: z.boolean().describe('Whether no rule stops the call. What a gateway alone counts is not known here.'),
    rule: RULE.nullable().describe('The first rule that stops the call, in the order of `checked`; null if none does.'),
    code: z.string().nullable().describe('The error code that a gateway answers with.'),
    message: z.string().nullable().describe('What that rule is about, and what can be done.'),
    value,
    resets_at: z
      .string()
      .meta({ format: 'date-time' })
      .nullable()
      .describe('When the limit that stops the call begins anew; null if it does not, or if no limit stops it.'),
    checked: z
      .array(
        z.object({
          rule: RULE,
          passes: z
            .boolean()
            .nullable()
            .describe('Null: the request does not name what the rule looks at, or the answer is not known here.'),
          value,
        }),
      )
      .readonly()
      .describe('All rules, in the order in which a gateway checks them.'),
  })
  .meta({ id: 'Explanation', examples: [EXAMPLE] });
export type ExplanationObject = Readonly<z.input<typeof explanationReply>>;

export function explanationObject(apiKeyId: string, at: Date, { stop, checked }: Explanation): ExplanationObject {
  return {
    object: 'explanation',
    api_key_id: apiKeyId,
    at: at.toISOString(),
    passes: stop === null,
    rule: stop?.rule ?? null,
    code: stop?.code ?? null,
    message: stop?.message ?? null,
    value: stop?.value ?? null,
    resets_at: stop?.resetsAt?.toISOString() ?? null,
    checked,
  };
}
