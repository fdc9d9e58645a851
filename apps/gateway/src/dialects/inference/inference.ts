import { nextTurn } from '../../json-scan/next-turn.js';
import { valueAt } from '../../json-scan/values.js';
import { isRefusal, refuse, type Refusal } from '../../request-path/exchange/refusal.js';
import { NO_ANSWER } from '../answer.js';
import { TOKENS_MAX, type Ask } from '../ask.js';
import type { Dialect } from '../dialect.js';
import { OPENAI_ERRORS } from '../openai/errors.js';
import { BELOW_API } from '../openrouter/errors.js';
import { scanBody, scanBodyInSteps, STEP_BYTES } from '../request-scan/body-scan.js';
import type { ScanFault } from '../request-scan/field-table.js';
import { modelNameAt, NO_MODEL_NAME, refusalOf } from '../request-scan/refusals.js';
import { textTokens, textTokensInSteps } from '../request-scan/text-estimate.js';
import { InferenceAsk, type InferenceHead } from './inference-ask.js';
import { INFERENCE_FIELDS, type InferenceFields } from './inference-fields.js';

/** Our own dialect, for one prompt and one text: docs/inference.md. */
export const inference: Dialect = {
  name: 'inference',
  operation: '/inference',
  // Its streams are its own below /api/v1 as well.
  errors: { ...OPENAI_ERRORS, belowApi: { ...BELOW_API, event: OPENAI_ERRORS.event } },
  replyBytesMax: 0,
  read: readInference,
  readWholeStream: () => null,
  readReply: () => ({ kind: 'no_answer', error: NO_ANSWER, report: null }),
};

function readInference(body: Buffer): Ask | Refusal | Promise<Ask | Refusal> {
  if (body.length > STEP_BYTES) return readInSteps(body);
  const head = headOf(body, scanBody(body, INFERENCE_FIELDS));
  return isRefusal(head) ? head : new InferenceAsk(inference, body, head, textTokens(body));
}

async function readInSteps(body: Buffer): Promise<Ask | Refusal> {
  const head = headOf(body, await scanBodyInSteps(body, INFERENCE_FIELDS, nextTurn));
  if (isRefusal(head)) return head;
  return new InferenceAsk(inference, body, head, await textTokensInSteps(body, nextTurn));
}

function headOf(body: Buffer, fields: InferenceFields | ScanFault): InferenceHead | Refusal {
  if ('kind' in fields) return refusalOf(fields);
  const model = modelNameAt(body, fields.model);
  if (model === null) return NO_MODEL_NAME;
  const stream = fields.stream === null ? null : valueAt(body, fields.stream);
  if (stream !== null && typeof stream !== 'boolean')
    return refuse('invalid_request', { message: 'The field stream must be true or false.', param: 'stream' });
  const ceiling = fields.maxOutputTokens === null ? null : valueAt(body, fields.maxOutputTokens);
  if (ceiling !== null && !isCeiling(ceiling)) return NO_CEILING;
  return { fields, model, stream: stream === true, ceiling };
}

const isCeiling = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= TOKENS_MAX;

const NO_CEILING = refuse('invalid_request', {
  message: `The field max_output_tokens must be a whole number from 1 to ${TOKENS_MAX}.`,
  param: 'max_output_tokens',
});
