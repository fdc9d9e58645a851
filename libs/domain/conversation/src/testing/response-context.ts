import type { ReplyContext, WriteContext } from '../dialect-codec.js';

/** What requests of Responses are written with in tests: the field of each feature has the feature's own name. */
export const WRITE_CONTEXT: WriteContext = {
  model: 'gpt-6',
  outputTokensDefault: 4_096,
  ceilingField: 'max_completion_tokens',
  streamOptions: true,
  fieldOf: (feature) => feature,
};

export const REPLY_CONTEXT: ReplyContext = {
  model: 'asked',
  requestId: '0198c0de-0000-7000-8000-000000000001',
  nowSeconds: 1_800_000_000,
  showUsage: true,
  request: {},
};

/** The id of a response that is written with that context. */
export const RESPONSE_ID = 'resp_0198c0de000070008000000000000001';
