import { z } from 'zod';

// The fields that most clients send. They only document the API: the request path parses bodies itself.

const model = z.string().min(1).max(256).describe('A model, or a route of the installation.');
const previousResponseId = z
  .string()
  .nullish()
  .describe('The id of an earlier reply to the same organisation, from the same model. It is input as a whole.');
const input = z
  .union([z.string(), z.array(z.looseObject({ type: z.string().optional() }))])
  .describe('A text, or a list of items: messages, calls of tools and their results, thoughts.');

/** The body of `POST /v1/responses`. */
export const responsesRequest = z
  .looseObject({
    model,
    input: input.optional(),
    instructions: z.string().nullish(),
    max_output_tokens: z
      .int()
      .min(1)
      .nullish()
      .describe('The ceiling of the output; the credit that is held follows it.'),
    max_tool_calls: z
      .int()
      .min(1)
      .nullish()
      .describe(
        'The most uses of the tools that the provider runs. A key with a credit limit needs it for such tools.',
      ),
    previous_response_id: previousResponseId,
    stream: z.boolean().nullish().describe('Whether the answer comes as server-sent events.'),
    tools: z.array(z.looseObject({ type: z.string() })).optional(),
  })
  .meta({
    id: 'ResponsesRequest',
    description:
      'The fields of Responses of OpenAI; those that are not named here go to the provider as they are. Work in the ' +
      'background and ids of files, conversations, containers and prompts at the provider are refused.',
    examples: [{ model: 'gpt-5.6-luna', input: 'Hello', max_output_tokens: 200, stream: true }],
  });

const usage = z.looseObject({
  input_tokens: z.int().min(0),
  output_tokens: z.int().min(0),
  total_tokens: z.int().min(0).optional(),
});

/** The reply to `POST /v1/responses`. */
export const responsesReply = z
  .looseObject({
    id: z.string().optional().describe('Sealed: it works for this organisation and this model alone.'),
    object: z.string().optional(),
    status: z.string().optional(),
    model: z.string().optional(),
    output: z.array(z.looseObject({ type: z.string() })),
    usage: usage.nullish(),
  })
  .meta({
    id: 'ResponsesReply',
    description:
      'What the provider answered, but for the ids of responses. With `stream` it is a stream of events instead, of ' +
      'which the last one has the whole response.',
    examples: [
      {
        id: 'resp_AfGqvUFY7WFQb2Rlbg',
        object: 'response',
        status: 'completed',
        model: 'gpt-5.6-luna',
        output: [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Hello.' }] }],
        usage: { input_tokens: 8, output_tokens: 2, total_tokens: 10 },
      },
    ],
  });

/** The body of `POST /v1/responses/compact`. */
export const compactRequest = z
  .looseObject({
    model,
    input: input.nullish(),
    instructions: z.string().nullish(),
    previous_response_id: previousResponseId,
  })
  .meta({
    id: 'CompactResponseRequest',
    description: 'A conversation that is to be replaced by a shorter one. It is charged as any other call.',
    examples: [{ model: 'gpt-5.6-luna', input: [{ role: 'user', content: 'Hello' }] }],
  });

/** The reply to `POST /v1/responses/compact`. */
export const compactReply = z
  .looseObject({
    id: z.string().optional(),
    object: z.string().optional(),
    output: z.array(z.looseObject({ type: z.string() })),
    usage: usage.nullish(),
  })
  .meta({
    id: 'CompactResponse',
    description: 'What the provider answered, but for the ids of responses.',
    examples: [
      {
        id: 'resp_AfGqvUFY7WFQb2Rlbg',
        object: 'response.compaction',
        output: [{ type: 'compaction', encrypted_content: 'gAAAA' }],
        usage: { input_tokens: 80, output_tokens: 20, total_tokens: 100 },
      },
    ],
  });

/** The body of `POST /v1/completions`. */
export const completionsRequest = z
  .looseObject({
    model,
    prompt: z
      .union([z.string(), z.array(z.string()), z.array(z.int().min(0)), z.array(z.array(z.int().min(0)))])
      .nullish()
      .describe('A text, texts, tokens, or lists of tokens. Each prompt is answered.'),
    max_tokens: z.int().min(0).nullish().describe('The ceiling of each answer; 16 if it is absent.'),
    n: z.int().min(1).nullish().describe('How many answers to each prompt.'),
    best_of: z.int().min(1).nullish().describe('How many answers are written for each prompt; all are charged.'),
    stream: z.boolean().nullish().describe('Whether the answer comes as server-sent events.'),
  })
  .meta({
    id: 'CompletionRequest',
    description: 'The fields of the older completions of OpenAI; others go to the provider as they are.',
    examples: [{ model: 'gpt-3.5-turbo-instruct', prompt: 'Once upon a time', max_tokens: 50 }],
  });

/** The reply to `POST /v1/completions`. */
export const completionsReply = z
  .looseObject({
    id: z.string().optional(),
    object: z.string().optional(),
    model: z.string().optional(),
    choices: z.array(z.looseObject({ text: z.string().optional(), finish_reason: z.string().nullish() })),
    usage: z.looseObject({ prompt_tokens: z.int().min(0), completion_tokens: z.int().min(0) }).nullish(),
  })
  .meta({
    id: 'Completion',
    description:
      'What the provider answered, to the byte. With `stream` it is a stream of events, and `[DONE]` at its end.',
    examples: [
      {
        id: 'cmpl-1',
        object: 'text_completion',
        model: 'gpt-3.5-turbo-instruct',
        choices: [{ index: 0, text: ' there was a key.', finish_reason: 'stop' }],
        usage: { prompt_tokens: 4, completion_tokens: 5 },
      },
    ],
  });
