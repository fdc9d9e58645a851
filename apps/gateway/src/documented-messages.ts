import { z } from 'zod';

const message = z.looseObject({
  role: z.string(),
  content: z.union([z.string(), z.array(z.looseObject({ type: z.string() }))]).describe('A text, or a list of blocks.'),
});
const content = {
  model: z.string().min(1).max(256).describe('A model, or a route of the installation.'),
  messages: z.array(message).min(1),
  system: z
    .union([z.string(), z.array(z.looseObject({ type: z.string() }))])
    .optional()
    .describe('What the operator of the application says: a text, or a list of blocks.'),
  tools: z.array(z.looseObject({ name: z.string().optional() })).optional(),
};

/** The fields that most clients of Messages send. They only document the API: the request path parses bodies itself. */
export const messagesRequest = z
  .looseObject({
    ...content,
    max_tokens: z.int().min(0).describe('The ceiling of the output; the credit that is held follows it.'),
    stream: z.boolean().optional().describe('Whether the answer comes as server-sent events.'),
  })
  .meta({
    id: 'MessagesRequest',
    description:
      'The fields of Messages of Anthropic; those that are not named here go to the provider as they are. A tool that ' +
      'the provider runs needs `max_uses` for a key with a credit limit, and a field that leads to another model, address ' +
      'or credential, or to what is kept at the provider, is refused for every key.',
    examples: [{ model: 'claude-sonnet-5', max_tokens: 200, messages: [{ role: 'user', content: 'Hello' }] }],
  });

const usage = z.looseObject({ input_tokens: z.int().min(0), output_tokens: z.int().min(0) });
/** An answer. */
export const messagesReply = z
  .looseObject({
    id: z.string().optional(),
    type: z.string().optional(),
    role: z.string().optional(),
    model: z.string().optional(),
    content: z.array(z.looseObject({ type: z.string() })),
    stop_reason: z.string().nullish(),
    usage: usage.nullish(),
  })
  .meta({
    id: 'Message',
    description:
      'What the provider answered, to the byte. With `stream` it is a stream of events instead, from `message_start` to ' +
      '`message_stop`; an error on the way is an event `error`.',
    examples: [
      {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'claude-sonnet-5',
        content: [{ type: 'text', text: 'Hello.' }],
        stop_reason: 'end_turn',
        usage: { input_tokens: 8, output_tokens: 2 },
      },
    ],
  });

/** The fields that a count of tokens needs. */
export const countTokensRequest = z.looseObject(content).meta({
  id: 'CountTokensRequest',
  description: 'The fields of Messages without those of the answer.',
  examples: [{ model: 'claude-opus-4-8', messages: [{ role: 'user', content: 'Hello' }] }],
});

/** A count of tokens. */
export const countTokensReply = z.looseObject({ input_tokens: z.int().min(0) }).meta({
  id: 'TokenCount',
  description:
    'What Anthropic counts, for a model of a provider that speaks Messages; for another model, what the gateway counts by ' +
    'the tokenizer of its price entry or by a measure of text. A count is free.',
  examples: [{ input_tokens: 8 }],
});
