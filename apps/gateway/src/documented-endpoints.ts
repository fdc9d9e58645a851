import type { ErrorCode } from '@tollgate/errors';
import type { DescribedRoute } from '@tollgate/openapi';
import { z } from 'zod';
import { inferenceReply, inferenceRequest } from './documented-inference.js';
import { countTokensReply, countTokensRequest, messagesReply, messagesRequest } from './documented-messages.js';
import {
  compactReply,
  compactRequest,
  completionsReply,
  completionsRequest,
  responsesReply,
  responsesRequest,
} from './documented-responses.js';

/** The tag of every inference route. */
export const INFERENCE_TAG = {
  name: 'Inference',
  description: 'Calls to models, in the shape of the API that a client was written for.',
};

/** Error codes that any inference endpoint can answer with, up to and including the call to a provider. */
const REFUSALS: readonly ErrorCode[] = [
  'ip_not_allowed',
  'access_denied',
  'rate_limit_exceeded',
  'model_not_found',
  'route_access_denied',
  'model_access_denied',
  'unbounded_cost',
  'context_length_exceeded',
  'content_policy_violation',
  'quota_exceeded',
  'insufficient_balance',
  'provider_overloaded',
  'server_is_overloaded',
  'provider_failed',
  'provider_unreachable',
  'provider_timeout',
  'provider_busy',
  'provider_not_configured',
  'credit_unavailable',
  'journal_unavailable',
];
const ACCESS = {
  credential: 'apiKey',
  refusals: ['missing_api_key', 'invalid_api_key', 'expired_api_key', 'subscription_expired', 'keys_unavailable'],
} as const;

const tokens = z.int().min(1);

/** The fields that most clients send. They only document the API: the request path parses bodies itself. */
const chatRequest = z
  .looseObject({
    model: z.string().min(1).max(256).describe('A model, or a route of the installation.'),
    messages: z
      .array(
        z.looseObject({ role: z.string(), content: z.unknown().optional().describe('A text, or a list of parts.') }),
      )
      .min(1),
    max_completion_tokens: tokens.optional().describe('The ceiling of the output; the credit that is held follows it.'),
    max_tokens: tokens.optional().describe('The older name of the ceiling.'),
    n: z.int().min(1).optional().describe('How many answers; each may reach the ceiling.'),
    stream: z.boolean().optional().describe('Whether the answer comes as server-sent events.'),
    stream_options: z.looseObject({ include_usage: z.boolean().optional() }).optional(),
    temperature: z.number().optional(),
    tools: z.array(z.looseObject({ type: z.string() })).optional(),
  })
  .meta({
    id: 'ChatCompletionRequest',
    description:
      'The fields of chat completions of OpenAI; those that are not named here go to the provider as they are. A field ' +
      'whose cost has no bound is refused for a key with a credit limit, and one that leads to another model, address ' +
      'or credential for every key.',
    examples: [
      {
        model: 'gpt-4o-mini',
        messages: [{ role: 'user', content: 'Hello' }],
        max_completion_tokens: 200,
        stream: true,
      },
    ],
  });

const usage = z.looseObject({
  prompt_tokens: z.int().min(0),
  completion_tokens: z.int().min(0),
  total_tokens: z.int().min(0).optional(),
});
const chatReply = z
  .looseObject({
    id: z.string().optional(),
    object: z.string().optional(),
    model: z.string().optional(),
    choices: z.array(z.looseObject({ index: z.int().min(0).optional(), finish_reason: z.string().nullish() })),
    usage: usage.nullish(),
  })
  .meta({
    id: 'ChatCompletion',
    description:
      'What the provider answered, to the byte. With `stream` it is a stream of events instead, each with a chunk of it, ' +
      'and `[DONE]` at its end.',
    examples: [
      {
        id: 'chatcmpl-1',
        object: 'chat.completion',
        model: 'gpt-4o-mini',
        choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 8, completion_tokens: 2, total_tokens: 10 },
      },
    ],
  });

const embeddingsRequest = z
  .looseObject({
    model: z.string().min(1).max(256).describe('A model, or a route of the installation.'),
    input: z
      .union([z.string(), z.array(z.string()), z.array(z.int().min(0)), z.array(z.array(z.int().min(0)))])
      .describe('A text, texts, tokens, or lists of tokens.'),
    encoding_format: z.enum(['float', 'base64']).optional().describe('How each vector is written.'),
    dimensions: z.int().min(1).optional(),
    user: z.string().optional(),
  })
  .meta({
    id: 'EmbeddingsRequest',
    description: 'The fields of embeddings of OpenAI; those that are not named here go to the provider as they are.',
    examples: [{ model: 'text-embedding-3-small', input: ['one', 'two'], encoding_format: 'float' }],
  });

const embeddingsReply = z
  .looseObject({
    object: z.string().optional(),
    model: z.string().optional(),
    data: z.array(
      z.looseObject({
        index: z.int().min(0).optional(),
        embedding: z.union([z.array(z.number()), z.string()]).describe('Numbers, or their bytes in base64.'),
      }),
    ),
    usage: z.looseObject({ prompt_tokens: z.int().min(0), total_tokens: z.int().min(0).optional() }).nullish(),
  })
  .meta({
    id: 'Embeddings',
    description: 'What the provider answered, to the byte.',
    examples: [
      {
        object: 'list',
        model: 'text-embedding-3-small',
        data: [{ object: 'embedding', index: 0, embedding: [0.25, -0.5] }],
        usage: { prompt_tokens: 1, total_tokens: 1 },
      },
    ],
  });

const inference = { method: 'post', tag: INFERENCE_TAG.name, access: ACCESS, query: null, params: null } as const;
const chat = {
  ...inference,
  body: chatRequest,
  replies: { schema: chatReply, statuses: { 200: 'The answer of the model.' }, mediaTypes: ['text/event-stream'] },
  refusals: REFUSALS,
} as const;
const messages = {
  ...inference,
  body: messagesRequest,
  replies: { schema: messagesReply, statuses: { 200: 'The answer of the model.' }, mediaTypes: ['text/event-stream'] },
  refusals: REFUSALS,
} as const;
const countTokens = {
  ...inference,
  body: countTokensRequest,
  replies: { schema: countTokensReply, statuses: { 200: 'The count.' } },
  refusals: REFUSALS.filter((code) => !['quota_exceeded', 'insufficient_balance', 'unbounded_cost'].includes(code)),
} as const;
const completions = {
  ...inference,
  body: completionsRequest,
  replies: {
    schema: completionsReply,
    statuses: { 200: 'The answers of the model.' },
    mediaTypes: ['text/event-stream'],
  },
  refusals: REFUSALS,
} as const;
const responses = {
  ...inference,
  body: responsesRequest,
  replies: { schema: responsesReply, statuses: { 200: 'The answer of the model.' }, mediaTypes: ['text/event-stream'] },
  refusals: [...REFUSALS, 'previous_response_not_found'],
} as const;
const compact = {
  ...inference,
  body: compactRequest,
  replies: { schema: compactReply, statuses: { 200: 'The shorter conversation.' } },
  refusals: [...REFUSALS, 'previous_response_not_found'],
} as const;
const embeddings = {
  ...inference,
  body: embeddingsRequest,
  replies: { schema: embeddingsReply, statuses: { 200: 'The vectors.' } },
  refusals: REFUSALS,
} as const;

const prompt = {
  ...inference,
  body: inferenceRequest,
  replies: { schema: inferenceReply, statuses: { 200: 'The answer.' }, mediaTypes: ['text/event-stream'] },
  refusals: REFUSALS,
} as const;

const modelId = z.object({
  id: z.string().min(1).max(200).describe('Any name that a call could have in `model`; it may contain slashes.'),
});
const modelFields = z.looseObject({
  id: z.string().describe('What a caller writes in `model`.'),
  object: z.literal('model').optional(),
  created: z.int().optional().describe('0: when a model was made is not known.'),
  owned_by: z.string().optional().describe('The first provider of the model.'),
  context_length: z.int().optional().describe('Below `/api/v1`: tokens that each of its providers reads in one call.'),
  pricing: z
    .looseObject({})
    .optional()
    .describe('Below `/api/v1`: USD for one token of each class, and for one search, as texts.'),
});
const modelReply = modelFields.meta({
  id: 'Model',
  description: 'One model. Callers that send `anthropic-version` get the shape of Anthropic.',
  examples: [{ id: 'gpt-4o-mini', object: 'model', created: 0, owned_by: 'openai' }],
});
const modelsQuery = z.object({
  limit: z.int().min(1).max(1_000).optional().describe('For callers that send `anthropic-version`: models of a page.'),
  after_id: z.string().optional().describe('For these callers: the page after this id.'),
  before_id: z.string().optional().describe('For these callers: the page before this id.'),
});
const modelsReply = z
  .looseObject({
    object: z.literal('list').optional(),
    data: z.array(modelFields),
    has_more: z.boolean().optional(),
    first_id: z.string().nullish(),
    last_id: z.string().nullish(),
  })
  .meta({
    id: 'ModelList',
    description:
      'All models that the key may use, in the order of their ids. Callers that send `anthropic-version` get pages in ' +
      'the shape of Anthropic. A route whose name is a pattern is shown by the names that the configuration knows for it.',
    examples: [{ object: 'list', data: [{ id: 'gpt-4o-mini', object: 'model', created: 0, owned_by: 'openai' }] }],
  });
const reading = { method: 'get', tag: INFERENCE_TAG.name, access: ACCESS, body: null } as const;
const models = {
  ...reading,
  query: modelsQuery,
  params: null,
  replies: { schema: modelsReply, statuses: { 200: 'The models.' } },
  refusals: ['ip_not_allowed', 'access_denied', 'rate_limit_exceeded', 'invalid_request'],
} as const;
const model = {
  ...reading,
  query: null,
  params: modelId,
  replies: { schema: modelReply, statuses: { 200: 'The model.' } },
  refusals: [
    'ip_not_allowed',
    'access_denied',
    'rate_limit_exceeded',
    'model_not_found',
    'route_access_denied',
    'model_access_denied',
    'provider_not_configured',
  ],
} as const;

/**
 * The inference routes for the OpenAPI document, one entry for each method and path, since no controller serves them. A
 * spec compares them with `ENDPOINTS`.
 */
export const documentedEndpoints: readonly DescribedRoute[] = [
  { ...chat, path: '/v1/chat/completions', text: { id: 'createChatCompletion', summary: 'Answer a chat' } },
  {
    ...chat,
    path: '/api/v1/chat/completions',
    text: {
      id: 'createChatCompletionOpenRouter',
      summary: 'Answer a chat',
      description: 'The same as `/v1/chat/completions`, at the path of OpenRouter.',
    },
  },
  { ...completions, path: '/v1/completions', text: { id: 'createCompletion', summary: 'Continue a text' } },
  {
    ...completions,
    path: '/api/v1/completions',
    text: {
      id: 'createCompletionOpenRouter',
      summary: 'Continue a text',
      description: 'The same as `/v1/completions`, at the path of OpenRouter.',
    },
  },
  { ...responses, path: '/v1/responses', text: { id: 'createResponse', summary: 'Answer a conversation' } },
  {
    ...responses,
    path: '/api/v1/responses',
    text: {
      id: 'createResponseOpenRouter',
      summary: 'Answer a conversation',
      description: 'The same as `/v1/responses`, at the path of OpenRouter.',
    },
  },
  {
    ...compact,
    path: '/v1/responses/compact',
    text: { id: 'compactResponse', summary: 'Replace a conversation by a shorter one' },
  },
  {
    ...compact,
    path: '/api/v1/responses/compact',
    text: {
      id: 'compactResponseOpenRouter',
      summary: 'Replace a conversation by a shorter one',
      description: 'The same as `/v1/responses/compact`, at the path of OpenRouter.',
    },
  },
  { ...embeddings, path: '/v1/embeddings', text: { id: 'createEmbeddings', summary: 'Make vectors of texts' } },
  {
    ...embeddings,
    path: '/api/v1/embeddings',
    text: {
      id: 'createEmbeddingsOpenRouter',
      summary: 'Make vectors of texts',
      description: 'The same as `/v1/embeddings`, at the path of OpenRouter.',
    },
  },
  { ...messages, path: '/v1/messages', text: { id: 'createMessage', summary: 'Answer a conversation' } },
  {
    ...messages,
    path: '/api/v1/messages',
    text: {
      id: 'createMessageOpenRouter',
      summary: 'Answer a conversation',
      description: 'The same as `/v1/messages`, at the path of OpenRouter.',
    },
  },
  {
    ...countTokens,
    path: '/v1/messages/count_tokens',
    text: { id: 'countMessageTokens', summary: 'Count the tokens of a conversation' },
  },
  {
    ...countTokens,
    path: '/api/v1/messages/count_tokens',
    text: {
      id: 'countMessageTokensOpenRouter',
      summary: 'Count the tokens of a conversation',
      description: 'The same as `/v1/messages/count_tokens`, at the path of OpenRouter.',
    },
  },
  { ...prompt, path: '/v1/inference', text: { id: 'createInference', summary: 'Answer one prompt' } },
  {
    ...prompt,
    path: '/api/v1/inference',
    text: {
      id: 'createInferenceBelowApi',
      summary: 'Answer one prompt',
      description: 'The same as `/v1/inference`, with the cost in `usage`.',
    },
  },
  { ...models, path: '/v1/models', text: { id: 'listModels', summary: 'List the models that the key may use' } },
  {
    ...models,
    path: '/api/v1/models',
    text: {
      id: 'listModelsOpenRouter',
      summary: 'List the models that the key may use',
      description: 'The same models as at `/v1/models`, with prices and sizes in the shape of OpenRouter.',
    },
  },
  { ...model, path: '/v1/models/{id}', text: { id: 'getModel', summary: 'Show a model that the key may use' } },
  {
    ...model,
    path: '/api/v1/models/{id}',
    text: {
      id: 'getModelOpenRouter',
      summary: 'Show a model that the key may use',
      description: 'The same as `/v1/models/{id}`, with prices and sizes in the shape of OpenRouter.',
    },
  },
];
