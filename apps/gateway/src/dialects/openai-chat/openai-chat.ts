import { nextTurn } from '../../json-scan/next-turn.js';
import { valueAt } from '../../json-scan/values.js';
import { isRefusal, refuse, type Refusal } from '../../request-path/exchange/refusal.js';
import type { Ask } from '../ask.js';
import { ANY_CALLER, type Caller, type Dialect } from '../dialect.js';
import { OPENAI_ERRORS } from '../openai/errors.js';
import { openAiUsageWords } from '../openai/usage-words.js';
import { STEP_BYTES } from '../request-scan/body-scan.js';
import type { ScanFault } from '../request-scan/field-table.js';
import { modelNameAt, namesProviderId, NO_MODEL_NAME, refusalOf } from '../request-scan/refusals.js';
import { ChatAsk } from './chat-ask.js';
import { scanBody, scanBodyInSteps, type ChatFields, type ChatHead } from './chat-fields.js';
import { estimateInputTokens, estimateInputTokensInSteps } from './input-estimate.js';
import { readReply } from './read-reply.js';
import { StreamEvents } from './stream-events.js';
import { readStreamOptions } from './stream-options.js';

const REPLY_BYTES_MAX = 64 * 1024 * 1024;

/** OpenAI's chat completions, as OpenAI and the compatible providers speak it. */
export const openAiChat: Dialect = {
  name: 'openai-chat',
  operation: '/chat/completions',
  errors: OPENAI_ERRORS,
  replyBytesMax: REPLY_BYTES_MAX,
  read: readChat,
  usageWords: openAiUsageWords('chat.completion.chunk'),
  readWholeStream: (credential) => new StreamEvents(true, credential),
  readReply,
};

/**
 * Reads a large body in steps, so that other requests are not delayed. For other bodies the answer is there at once.
 */
function readChat(body: Buffer, caller: Caller = ANY_CALLER): Ask | Refusal | Promise<Ask | Refusal> {
  if (body.length > STEP_BYTES) return readInSteps(body, caller);
  const head = headOf(body, scanBody(body), caller);
  return isRefusal(head) ? head : askOf(body, head, estimateInputTokens(body, head.fields));
}

async function readInSteps(body: Buffer, caller: Caller): Promise<Ask | Refusal> {
  const head = headOf(body, await scanBodyInSteps(body, nextTurn), caller);
  if (isRefusal(head)) return head;
  return askOf(body, head, await estimateInputTokensInSteps(body, head.fields, nextTurn));
}

function askOf(body: Buffer, head: ChatHead, inputTokensEstimate: number): Ask | Refusal {
  const ask = new ChatAsk(openAiChat, body, head, inputTokensEstimate);
  return ask.fault() ?? ask;
}

function headOf(body: Buffer, fields: ChatFields | ScanFault, { isToldUsage }: Caller): ChatHead | Refusal {
  if ('kind' in fields) return refusalOf(fields);
  const model = modelNameAt(body, fields.model);
  if (model === null) return NO_MODEL_NAME;
  const stream = fields.stream === null ? null : valueAt(body, fields.stream);
  if (stream !== null && typeof stream !== 'boolean')
    return refuse('invalid_request', { message: 'The field stream must be true or false.', param: 'stream' });
  if (fields.providerId !== null) return namesProviderId(fields.providerId);
  const asksUsage = readStreamOptions(body, fields.streamOptions);
  if (typeof asksUsage !== 'boolean') return asksUsage;
  return { fields, model, stream: stream === true, asksUsage, showUsage: asksUsage || isToldUsage };
}
