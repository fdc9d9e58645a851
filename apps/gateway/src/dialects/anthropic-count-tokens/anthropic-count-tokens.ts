import { readUsage } from '@tollgate/usage';
import { nextTurn } from '../../json-scan/next-turn.js';
import type { Refusal } from '../../request-path/exchange/refusal.js';
import { ANTHROPIC_ERRORS } from '../anthropic/errors.js';
import { MESSAGES_FIELDS, type MessagesFields } from '../anthropic-messages/messages-fields.js';
import { NO_ANSWER, type PlainReply } from '../answer.js';
import type { Ask } from '../ask.js';
import type { Dialect } from '../dialect.js';
import { parseReply } from '../openai/parse-reply.js';
import { errorIn, isObject } from '../openai/reply-error.js';
import { scanBody, scanBodyInSteps, STEP_BYTES } from '../request-scan/body-scan.js';
import type { ScanFault } from '../request-scan/field-table.js';
import { modelNameAt, namesProviderId, NO_MODEL_NAME, refusalOf } from '../request-scan/refusals.js';
import { CountTokensAsk } from './count-tokens-ask.js';
import { countHere } from './count-here.js';

const REPLY_BYTES_MAX = 1024 * 1024;
/** A count is free: its reply reports what a message would read, which nobody is charged for. */
const NOTHING = readUsage({ input_tokens: 0, output_tokens: 0 });

/**
 * Anthropic's count of the tokens of a message. Providers do not charge for it. For a model whose providers do not
 * speak it, the gateway counts itself: a client that gets no count may ask a model instead, which costs.
 */
export const anthropicCountTokens: Dialect = {
  name: 'anthropic-count-tokens',
  operation: '/messages/count_tokens',
  errors: ANTHROPIC_ERRORS,
  replyBytesMax: REPLY_BYTES_MAX,
  read: readCount,
  readWholeStream: () => null,
  readReply,
  answerHere: countHere,
};

/**
 * Reads a large body in steps, so that other requests are not delayed. For other bodies the answer is there at once.
 */
function readCount(body: Buffer): Ask | Refusal | Promise<Ask | Refusal> {
  if (body.length > STEP_BYTES) return readInSteps(body);
  return askOf(body, scanBody(body, MESSAGES_FIELDS));
}

async function readInSteps(body: Buffer): Promise<Ask | Refusal> {
  return askOf(body, await scanBodyInSteps(body, MESSAGES_FIELDS, nextTurn));
}

function askOf(body: Buffer, fields: MessagesFields | ScanFault): Ask | Refusal {
  if ('kind' in fields) return refusalOf(fields);
  const model = modelNameAt(body, fields.model);
  if (model === null) return NO_MODEL_NAME;
  if (fields.fileId !== null) return namesProviderId(fields.fileId);
  return new CountTokensAsk(anthropicCountTokens, body, fields, model);
}

function readReply(body: Buffer): PlainReply {
  const document = parseReply(body);
  if (!isObject(document)) return { kind: 'no_answer', error: NO_ANSWER, report: null };
  const error = errorIn(document);
  if (error !== null) return { kind: 'no_answer', error, report: null };
  const tokens = document['input_tokens'];
  if (typeof tokens !== 'number' || tokens < 0) return { kind: 'no_answer', error: NO_ANSWER, report: null };
  return { kind: 'answer', report: NOTHING, countedOutputTokens: 0 };
}
