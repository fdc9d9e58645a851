import { nextTurn } from '../../json-scan/next-turn.js';
import { isRefusal, type Refusal } from '../../request-path/exchange/refusal.js';
import type { Ask } from '../ask.js';
import type { Dialect } from '../dialect.js';
import { OPENAI_ERRORS } from '../openai/errors.js';
import { textTokens, textTokensInSteps } from '../request-scan/text-estimate.js';
import { scanBody, scanBodyInSteps, STEP_BYTES } from '../request-scan/body-scan.js';
import type { ScanFault } from '../request-scan/field-table.js';
import { modelNameAt, NO_MODEL_NAME, refusalOf } from '../request-scan/refusals.js';
import { EmbeddingsAsk } from './embeddings-ask.js';
import { EMBEDDINGS_FIELDS, type EmbeddingsFields } from './embeddings-fields.js';
import { readReply } from './read-reply.js';

/** OpenAI's largest answer has 2,048 vectors of 3,072 numbers, which are some 80 MB of text. */
const REPLY_BYTES_MAX = 128 * 1024 * 1024;

/** OpenAI's embeddings, as OpenAI and the compatible providers speak it. */
export const openAiEmbeddings: Dialect = {
  name: 'openai-embeddings',
  operation: '/embeddings',
  errors: OPENAI_ERRORS,
  replyBytesMax: REPLY_BYTES_MAX,
  read: readEmbeddings,
  readWholeStream: () => null,
  readReply,
};

interface EmbeddingsHead {
  readonly fields: EmbeddingsFields;
  readonly model: string;
}

/**
 * Reads a large body in steps, so that other requests are not delayed. For other bodies the answer is there at once.
 */
function readEmbeddings(body: Buffer): Ask | Refusal | Promise<Ask | Refusal> {
  if (body.length > STEP_BYTES) return readInSteps(body);
  const head = headOf(body, scanBody(body, EMBEDDINGS_FIELDS));
  return isRefusal(head) ? head : askOf(body, head, head.fields.hasText ? textTokens(inputOf(body, head.fields)) : 0);
}

async function readInSteps(body: Buffer): Promise<Ask | Refusal> {
  const head = headOf(body, await scanBodyInSteps(body, EMBEDDINGS_FIELDS, nextTurn));
  if (isRefusal(head)) return head;
  const text = head.fields.hasText ? await textTokensInSteps(inputOf(body, head.fields), nextTurn) : 0;
  return askOf(body, head, text);
}

/** Counts the tokens that the caller sent as numbers, and takes the estimate for any other input. */
function askOf(body: Buffer, { fields, model }: EmbeddingsHead, textTokensEstimate: number): Ask {
  return new EmbeddingsAsk(openAiEmbeddings, body, fields, model, Math.max(textTokensEstimate, fields.tokens));
}

function inputOf(body: Buffer, { input }: EmbeddingsFields): Buffer {
  return input === null ? body : body.subarray(input.start, input.end);
}

function headOf(body: Buffer, fields: EmbeddingsFields | ScanFault): EmbeddingsHead | Refusal {
  if ('kind' in fields) return refusalOf(fields);
  const model = modelNameAt(body, fields.model);
  return model === null ? NO_MODEL_NAME : { fields, model };
}
