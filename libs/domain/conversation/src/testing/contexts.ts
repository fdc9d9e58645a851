import type { ReplyContext, WriteContext } from '../dialect-codec.js';

/** What a request is written with in tests: a provider that takes all that its dialect has. */
export const WRITE_CONTEXT: WriteContext = {
  model: 'gpt-5.6',
  outputTokensDefault: 4_096,
  ceilingField: 'max_completion_tokens',
  streamOptions: true,
  customTools: true,
  earlierThoughts: true,
  hints: true,
  fieldOf: (feature) => `field of ${feature}`,
};

/** What an answer is written with in tests. */
export const REPLY_CONTEXT: ReplyContext = {
  model: 'the-callers-model',
  requestId: '0190c0ffee',
  nowSeconds: 1_796_000_000,
  showUsage: true,
  request: {},
};
