import { isNull } from '../../json-scan/name-table.js';
import type { Span } from '../../json-scan/json-tokens.js';
import { valueAt } from '../../json-scan/values.js';
import { refuse, type Refusal } from '../../request-path/exchange/refusal.js';
import { TOKENS_MAX } from '../ask.js';
import type { ScanFault } from '../request-scan/field-table.js';
import { modelNameAt, namesProviderId, NO_MODEL_NAME, refusalOf } from '../request-scan/refusals.js';
import type { ResponsesFields } from './responses-fields.js';

/** The most calls of tools that a request can allow. */
const TOOL_CALLS_MAX = 10_000;
/** An id of ours is shorter than this. */
const ID_BYTES_MAX = 1_024;
/** The one spelling of this field that names nothing. */
const NO_COMPARISON = /^[^\\]*"comparison_response_id"\s*:\s*null(?![^\\]*comparison)[^\\]*$/i;

/** The values of a Responses body's top-level fields, apart from the input. */
export interface ResponsesHead {
  readonly fields: ResponsesFields;
  readonly model: string;
  readonly stream: boolean;
  /** The ceiling of output tokens; null if the body names none. */
  readonly maxOutputTokens: number | null;
  /** The most calls of tools that the provider runs; null if the body names none. */
  readonly maxToolCalls: number | null;
  /** The id of the response that this one goes on from: empty if it can be no id, null if there is none. */
  readonly previousId: string | null;
}

/** Reads the top-level fields, or refuses what is malformed or served for no key. */
export function readHead(body: Buffer, fields: ResponsesFields | ScanFault): ResponsesHead | Refusal {
  if ('kind' in fields) return refusalOf(fields);
  const model = modelNameAt(body, fields.model);
  if (model === null) return NO_MODEL_NAME;
  const stream = fields.stream === null ? null : valueAt(body, fields.stream);
  if (stream !== null && typeof stream !== 'boolean') return mustBe('stream', 'true or false');
  if (fields.oddInstructions) return mustBe('instructions', 'a text');
  const maxOutputTokens = wholeNumber(body, fields.maxOutputTokens, TOKENS_MAX);
  if (maxOutputTokens === undefined) return mustBe('max_output_tokens', `a whole number from 1 to ${TOKENS_MAX}`);
  const maxToolCalls = wholeNumber(body, fields.maxToolCalls, TOOL_CALLS_MAX);
  if (maxToolCalls === undefined) return mustBe('max_tool_calls', `a whole number from 1 to ${TOOL_CALLS_MAX}`);
  return (
    refuseUnserved(body, fields) ?? {
      fields,
      model,
      stream: stream === true,
      maxOutputTokens,
      maxToolCalls,
      previousId: previousIdAt(body, fields.previousResponseId),
    }
  );
}

/** Refuses work in the background, and whatever the provider keeps for its whole account. */
function refuseUnserved(body: Buffer, fields: ResponsesFields): Refusal | null {
  const background = fields.background === null ? null : valueAt(body, fields.background);
  if (background !== null && typeof background !== 'boolean') return mustBe('background', 'true or false');
  if (background === true) return IN_BACKGROUND;
  if (isGiven(body, fields.conversation)) return namesProviderId('conversation');
  if (isGiven(body, fields.prompt)) return namesProviderId('prompt.id');
  const id = fields.providerId ?? fields.toolId;
  if (id !== null) return namesProviderId(id, KEPT_ITEM.test(id) ? HOW_TO_SEND_ITEMS : '');
  const { promptCacheOptions } = fields;
  if (promptCacheOptions === null) return null;
  const options = body.toString('utf8', promptCacheOptions.start, promptCacheOptions.end);
  const isHarmless = !/comparison|\\/i.test(options) || NO_COMPARISON.test(options);
  return isHarmless ? null : namesProviderId('prompt_cache_options.comparison_response_id');
}

/** The path of the id of an item of the input. */
const KEPT_ITEM = /^input\[\d+\]\.id$/;
/** Clients that refer to earlier items do so because they believe them stored. */
const HOW_TO_SEND_ITEMS =
  ' Set store to false in the options of the request, which the AI SDK calls providerOptions.openai.store.';

const IN_BACKGROUND = refuse('invalid_request', {
  message:
    'The field background must not be true: the cost of such work is known only after its answer. Ask for a stream instead.',
  param: 'background',
});

function mustBe(param: string, what: string): Refusal {
  return refuse('invalid_request', { message: `The field ${param} must be ${what}.`, param });
}

/** Whether the body has a value in this field. */
export function isGiven(body: Buffer, span: Span | null): boolean {
  return span !== null && !isNull(body, span.start);
}

function previousIdAt(body: Buffer, span: Span | null): string | null {
  if (span === null || isNull(body, span.start)) return null;
  const id = span.end - span.start > ID_BYTES_MAX ? null : valueAt(body, span);
  return typeof id === 'string' ? id : '';
}

/** The number in a field. Null if the field is absent or null, undefined if it has another value. */
function wholeNumber(body: Buffer, span: Span | null, max: number): number | null | undefined {
  if (span === null) return null;
  const value = valueAt(body, span);
  if (value === null) return null;
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= max ? value : undefined;
}
