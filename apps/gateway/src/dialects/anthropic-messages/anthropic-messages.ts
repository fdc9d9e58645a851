import { nextTurn } from '../../json-scan/next-turn.js';
import { valueAt } from '../../json-scan/values.js';
import { isRefusal, refuse, type Refusal } from '../../request-path/exchange/refusal.js';
import { ANTHROPIC_ERRORS } from '../anthropic/errors.js';
import { TOKENS_MAX, type Ask } from '../ask.js';
import type { Dialect } from '../dialect.js';
import { scanBody, scanBodyInSteps, STEP_BYTES } from '../request-scan/body-scan.js';
import type { ScanFault } from '../request-scan/field-table.js';
import { modelNameAt, namesProviderId, NO_MODEL_NAME, refusalOf } from '../request-scan/refusals.js';
import { estimateInputTokens, estimateInputTokensInSteps } from './input-tokens.js';
import { MessageEvents } from './message-events.js';
import { MessagesAsk, NO_MAX_TOKENS, type MessagesHead } from './messages-ask.js';
import { MESSAGES_FIELDS, type MessagesFields } from './messages-fields.js';
import { readReply } from './read-reply.js';

const REPLY_BYTES_MAX = 64 * 1024 * 1024;

/** Anthropic's Messages, as Anthropic and servers that imitate it speak it. */
export const anthropicMessages: Dialect = {
  name: 'anthropic-messages',
  operation: '/messages',
  errors: ANTHROPIC_ERRORS,
  replyBytesMax: REPLY_BYTES_MAX,
  read: readMessages,
  readWholeStream: (credential) => new MessageEvents(credential),
  readReply,
  keepAlive: 'event: ping\ndata: {"type":"ping"}\n\n',
};

/**
 * Reads a large body in steps, so that other requests are not delayed. For other bodies the answer is there at once.
 */
function readMessages(body: Buffer): Ask | Refusal | Promise<Ask | Refusal> {
  if (body.length > STEP_BYTES) return readInSteps(body);
  const head = headOf(body, scanBody(body, MESSAGES_FIELDS));
  if (isRefusal(head)) return head;
  return new MessagesAsk(anthropicMessages, body, head, estimateInputTokens(body, head.fields));
}

async function readInSteps(body: Buffer): Promise<Ask | Refusal> {
  const head = headOf(body, await scanBodyInSteps(body, MESSAGES_FIELDS, nextTurn));
  if (isRefusal(head)) return head;
  const tokens = await estimateInputTokensInSteps(body, head.fields, nextTurn);
  return new MessagesAsk(anthropicMessages, body, head, tokens);
}

function headOf(body: Buffer, fields: MessagesFields | ScanFault): MessagesHead | Refusal {
  if ('kind' in fields) return refusalOf(fields);
  const model = modelNameAt(body, fields.model);
  if (model === null) return NO_MODEL_NAME;
  const maxTokens = fields.maxTokens === null ? undefined : valueAt(body, fields.maxTokens);
  if (typeof maxTokens !== 'number' || !Number.isInteger(maxTokens) || maxTokens < 0 || maxTokens > TOKENS_MAX)
    return NO_MAX_TOKENS;
  const stream = fields.stream === null ? null : valueAt(body, fields.stream);
  if (stream !== null && typeof stream !== 'boolean')
    return refuse('invalid_request', { message: 'The field stream must be true or false.', param: 'stream' });
  if (fields.fileId !== null) return namesProviderId(fields.fileId);
  return { fields, model, maxTokens, stream: stream === true };
}
