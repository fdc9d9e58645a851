import { expect, it } from 'vitest';
import { tooLongForAnthropic, tooLongForOpenAi } from './context-length.js';

const OPENAI = /maximum context length|context (?:length|window)/i;
/** What Claude Code looks for; it takes the numbers of the second one to lower its ceiling. */
const ANTHROPIC = /^prompt is too long|^input length and `max_tokens` exceed context limit: \d+ \+ \d+ > \d+$/;

it.each<[words: string | null, anthropic: string, openAi: string]>([
  [
    'prompt is too long: 210118 tokens > 200000 maximum',
    'prompt is too long: 210118 tokens > 200000 maximum',
    "This model's maximum context length is 200000 tokens. The input has 210118 tokens.",
  ],
  [
    'input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length',
    'input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000',
    "This model's maximum context length is 200000 tokens. The input has 188240 tokens, and 21333 more are asked for as output.",
  ],
  [
    "This model's maximum context length is 8192 tokens. However, you requested 8203 tokens (7691 in the messages, 512 in the completion).",
    'input length and `max_tokens` exceed context limit: 7691 + 512 > 8192',
    "This model's maximum context length is 8192 tokens. The input has 7691 tokens, and 512 more are asked for as output.",
  ],
  [
    "This model's maximum context length is 128,000 tokens. However, your messages resulted in 130,500 tokens.",
    'prompt is too long: 130500 tokens > 128000 maximum',
    "This model's maximum context length is 128000 tokens. The input has 130500 tokens.",
  ],
  [
    "'max_tokens' or 'max_completion_tokens' is too large: 10000. This model's maximum context length is 8192 tokens and your request has 500 input tokens (10000 > 8192 - 500).",
    'input length and `max_tokens` exceed context limit: 500 + 10000 > 8192',
    "This model's maximum context length is 8192 tokens. The input has 500 tokens, and 10000 more are asked for as output.",
  ],
  [
    'The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).',
    'prompt is too long: 1196265 tokens > 1048575 maximum',
    "This model's maximum context length is 1048575 tokens. The input has 1196265 tokens.",
  ],
  [
    'request (9000 tokens) exceeds the available context size (8192 tokens), try increasing it',
    'prompt is too long: 9000 tokens > 8192 maximum',
    "This model's maximum context length is 8192 tokens. The input has 9000 tokens.",
  ],
  [
    "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    'prompt is too long: 537812 tokens > 131072 maximum',
    "This model's maximum context length is 131072 tokens. The input has 537812 tokens.",
  ],
  [
    'Your input exceeds the context window of this model. Please adjust your input and try again.',
    'prompt is too long: Your input exceeds the context window of this model. Please adjust your input and try again.',
    'Your input exceeds the context window of this model. Please adjust your input and try again.',
  ],
  [
    'Input is too long for requested model.',
    'prompt is too long: Input is too long for requested model.',
    'Your input exceeds the context window of this model: Input is too long for requested model.',
  ],
  // Numbers that explain nothing are not told as if they did.
  [
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 12 tokens.",
    "prompt is too long: This model's maximum context length is 8192 tokens. However, your messages resulted in 12 tokens.",
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 12 tokens.",
  ],
  [null, 'prompt is too long', 'Your input exceeds the context window of this model.'],
])('a request that is too long is told so that clients see it: %s', (words, anthropic, openAi) => {
  expect([tooLongForAnthropic(words), tooLongForOpenAi(words)]).toEqual([anthropic, openAi]);
  expect(anthropic).toMatch(ANTHROPIC);
  expect(openAi).toMatch(OPENAI);
  // To tell it again changes nothing.
  expect(tooLongForAnthropic(anthropic)).toBe(anthropic);
  expect(tooLongForOpenAi(openAi)).toBe(openAi);
});
