import { refuse } from '../../request-path/exchange/refusal.js';
import type { Dialect } from '../dialect.js';
import { responsesDialect } from '../openai-responses/openai-responses.js';

const NOT_STREAMED = refuse('invalid_request', {
  message: 'The field stream must not be true: a compacted conversation comes as a whole.',
  param: 'stream',
});

/**
 * OpenAI's compaction of a conversation, with the fields of Responses. It takes no ceiling of the output, so that the
 * longest answer of the model is its bound.
 */
export const openAiResponsesCompact: Dialect = responsesDialect({
  name: 'openai-responses-compact',
  operation: '/responses/compact',
  hasCeiling: false,
  refuse: ({ stream }) => (stream ? NOT_STREAMED : null),
});
