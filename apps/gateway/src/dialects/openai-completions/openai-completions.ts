import { nextTurn } from '../../json-scan/next-turn.js';
import { isRefusal, type Refusal } from '../../request-path/exchange/refusal.js';
import type { Ask } from '../ask.js';
import { ANY_CALLER, type Caller, type Dialect } from '../dialect.js';
import { readReply } from '../openai-chat/read-reply.js';
import { StreamEvents } from '../openai-chat/stream-events.js';
import { OPENAI_ERRORS } from '../openai/errors.js';
import { openAiUsageWords } from '../openai/usage-words.js';
import { openRouterErrors } from '../openrouter/errors.js';
import { scanBody, scanBodyInSteps, STEP_BYTES } from '../request-scan/body-scan.js';
import { textTokens, textTokensInSteps } from '../request-scan/text-estimate.js';
import { CompletionsAsk } from './completions-ask.js';
import { COMPLETIONS_FIELDS, type CompletionsFields } from './completions-fields.js';
import { readHead, type CompletionsHead } from './read-head.js';

const REPLY_BYTES_MAX = 64 * 1024 * 1024;

/** OpenAI's older completions, as OpenAI and the compatible providers speak it. Answers are read as those of chat. */
export const openAiCompletions: Dialect = {
  name: 'openai-completions',
  operation: '/completions',
  errors: {
    ...OPENAI_ERRORS,
    belowApi: openRouterErrors({ object: 'text_completion', choice: { text: '' } }),
  },
  replyBytesMax: REPLY_BYTES_MAX,
  read: readCompletions,
  usageWords: openAiUsageWords('text_completion'),
  readWholeStream: (credential) => new StreamEvents(true, credential),
  readReply,
};

/**
 * Reads a large body in steps, so that other requests are not delayed. For other bodies the answer is there at once.
 */
function readCompletions(body: Buffer, caller: Caller = ANY_CALLER): Ask | Refusal | Promise<Ask | Refusal> {
  if (body.length > STEP_BYTES) return readInSteps(body, caller);
  const head = readHead(body, scanBody(body, COMPLETIONS_FIELDS), caller);
  return isRefusal(head) ? head : askOf(body, head, head.fields.hasText ? textTokens(promptOf(body, head.fields)) : 0);
}

async function readInSteps(body: Buffer, caller: Caller): Promise<Ask | Refusal> {
  const head = readHead(body, await scanBodyInSteps(body, COMPLETIONS_FIELDS, nextTurn), caller);
  if (isRefusal(head)) return head;
  return askOf(body, head, head.fields.hasText ? await textTokensInSteps(promptOf(body, head.fields), nextTurn) : 0);
}

/** Counts the tokens that the caller sent as numbers, and takes the estimate for any other prompt. */
function askOf(body: Buffer, head: CompletionsHead, textTokensEstimate: number): Ask {
  return new CompletionsAsk(openAiCompletions, body, head, Math.max(textTokensEstimate, head.fields.promptTokens));
}

function promptOf(body: Buffer, { prompt }: CompletionsFields): Buffer {
  return prompt === null ? body : body.subarray(prompt.start, prompt.end);
}
