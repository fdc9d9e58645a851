import type { Span } from '../../json-scan/json-tokens.js';
import { valueAt } from '../../json-scan/values.js';
import { isRefusal, refuse, type Refusal } from '../../request-path/exchange/refusal.js';
import { TOKENS_MAX } from '../ask.js';
import type { Caller } from '../dialect.js';
import { readStreamOptions } from '../openai-chat/stream-options.js';
import type { ScanFault } from '../request-scan/field-table.js';
import { modelNameAt, namesProviderId, NO_MODEL_NAME, refusalOf } from '../request-scan/refusals.js';
import type { CompletionsFields } from './completions-fields.js';

const CHOICES_MAX = 128;
/** The ceiling of a request that names none (platform.openai.com/docs/api-reference/completions). */
export const DEFAULT_CEILING = 16;

/** The values of a completions body's fields, apart from the prompt. */
export interface CompletionsHead {
  readonly fields: CompletionsFields;
  readonly model: string;
  readonly stream: boolean;
  /** True if the body asks for the usage chunk of a stream. */
  readonly asksUsage: boolean;
  /** True if the caller is told it, since its body asks for it or all callers at its path are. */
  readonly showUsage: boolean;
  /** The ceiling that the request names; null if it names none. */
  readonly maxTokens: number | null;
  /** The answers that are written for each prompt, including those that are thrown away. */
  readonly answers: number;
  /** True if the answer repeats the prompt. */
  readonly echo: boolean;
}

/** Reads the fields, or refuses what is malformed. */
export function readHead(
  body: Buffer,
  fields: CompletionsFields | ScanFault,
  { isToldUsage }: Caller,
): CompletionsHead | Refusal {
  if ('kind' in fields) return refusalOf(fields);
  const model = modelNameAt(body, fields.model);
  if (model === null) return NO_MODEL_NAME;
  if (fields.providerId !== null) return namesProviderId(fields.providerId);
  const stream = flag(body, fields.stream, 'stream');
  if (typeof stream !== 'boolean') return stream;
  const echo = flag(body, fields.echo, 'echo');
  if (typeof echo !== 'boolean') return echo;
  // With `echo` a model may be asked for nothing but the prompt, with its probabilities.
  const maxTokens = number(body, fields.maxTokens, { name: 'max_tokens', min: 0, max: TOKENS_MAX });
  if (isNoNumber(maxTokens)) return maxTokens;
  const n = number(body, fields.n, { name: 'n', min: 1, max: CHOICES_MAX });
  if (isNoNumber(n)) return n;
  const bestOf = number(body, fields.bestOf, { name: 'best_of', min: 1, max: CHOICES_MAX });
  if (isNoNumber(bestOf)) return bestOf;
  const asksUsage = readStreamOptions(body, fields.streamOptions);
  if (typeof asksUsage !== 'boolean') return asksUsage;
  const showUsage = asksUsage || isToldUsage;
  return { fields, model, stream, asksUsage, showUsage, maxTokens, echo, answers: Math.max(n ?? 1, bestOf ?? 1) };
}

function flag(body: Buffer, span: Span | null, name: string): boolean | Refusal {
  const value = span === null ? null : valueAt(body, span);
  if (value === null || typeof value === 'boolean') return value === true;
  return refuse('invalid_request', { message: `The field ${name} must be true or false.`, param: name });
}

interface Bounds {
  readonly name: string;
  readonly min: number;
  readonly max: number;
}

/** The number in a field; null if it is absent or null. */
function number(body: Buffer, span: Span | null, { name, min, max }: Bounds): number | null | Refusal {
  const value = span === null ? null : valueAt(body, span);
  if (value === null) return null;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  return refuse('invalid_request', {
    message: `The field ${name} must be a whole number from ${min} to ${max}.`,
    param: name,
  });
}

function isNoNumber(value: number | null | Refusal): value is Refusal {
  return typeof value === 'object' && value !== null && isRefusal(value);
}
