import { z } from 'zod';

/** The body of `POST /v1/inference`. The translation reads it; this documents the API. */
export const inferenceRequest = z
  .strictObject({
    model: z.string().min(1).max(256).describe('A model, or a route of the installation.'),
    prompt: z.string().min(1).describe('What the model is asked.'),
    system: z.string().optional().describe('Instructions that come before the prompt.'),
    max_output_tokens: z
      .int()
      .min(1)
      .optional()
      .describe('The ceiling of the output; the credit that is held follows it.'),
    temperature: z.number().optional(),
    top_p: z.number().optional(),
    stop: z
      .union([z.string(), z.array(z.string())])
      .optional()
      .describe('The answer ends before any of them.'),
    user: z.string().optional().describe('Who your own user is, as an opaque name.'),
    stream: z.boolean().optional().describe('Whether the answer comes as server-sent events.'),
  })
  .meta({
    id: 'InferenceRequest',
    description: 'One prompt for a model of any provider.',
    examples: [{ model: 'gpt-4o-mini', prompt: 'Name three rivers.', max_output_tokens: 100 }],
  });

const count = z.int().min(0);
/** An answer. */
export const inferenceReply = z
  .looseObject({
    id: z.string(),
    object: z.literal('inference'),
    created: z.int().describe('Seconds since 1970.'),
    model: z.string().describe('The name that the provider gives.'),
    output: z.string(),
    refusal: z.string().optional().describe('What the model said instead of an answer.'),
    finish_reason: z.enum(['stop', 'length', 'content_filter']),
    usage: z
      .looseObject({
        input_tokens: count,
        cached_input_tokens: count,
        cache_write_tokens: count,
        output_tokens: count,
        reasoning_tokens: count,
        total_tokens: count,
      })
      .nullable(),
  })
  .meta({
    id: 'Inference',
    description:
      'What the model answered. With `stream` it is a stream of the events `inference.started`, `inference.output`, ' +
      '`inference.refusal` and `inference.completed` instead; an error on the way is an event `error`.',
    examples: [
      {
        id: 'inf_1',
        object: 'inference',
        created: 1_796_000_000,
        model: 'gpt-4o-mini',
        output: 'The Rhine, the Nile and the Amazon.',
        finish_reason: 'stop',
        usage: {
          input_tokens: 12,
          cached_input_tokens: 0,
          cache_write_tokens: 0,
          output_tokens: 11,
          reasoning_tokens: 0,
          total_tokens: 23,
        },
      },
    ],
  });
