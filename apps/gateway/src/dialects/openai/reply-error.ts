import type { ProviderError } from '../answer.js';

const DEFAULT_STATUS = 502;

/**
 * Names that providers give in `code`, `type` or `status` instead of a status (Google's are those of google.rpc.Code).
 */
const STATUS_OF_NAME: readonly (readonly [RegExp, number])[] = [
  [/^(?:rate_?limit|too_many_requests|requests_limit|resource_exhausted|throttl)/i, 429],
  [/^(?:overloaded|unavailable|service_unavailable|server_(?:is_)?overloaded|engine_overloaded|slow_down)/i, 503],
  [/^(?:request_too_large|payload_too_large)/i, 413],
  [/^(?:not_found|model_not_found)/i, 404],
  [/^(?:deadline_exceeded|timeout|gateway_timeout|request_timeout)/i, 504],
  [
    /^(?:invalid_request|bad_?request|invalid_argument|context_length_exceeded|context_window_exceeded|exceed_context_size|prompt_too_long|string_above_max_length|content_filter|content_policy_violation|invalid_prompt)/i,
    400,
  ],
];

/**
 * The error in a document whose status was success; null if it is an answer or a part of one. An error can be at the
 * top level, beside or instead of `choices` (OpenRouter, NVIDIA), it can be the document itself (vLLM, Anthropic), or
 * all choices can be errors.
 */
export function errorIn(document: object): ProviderError | null {
  const fields = document as Record<string, unknown>;
  const error = fields['error'];
  if (isError(error)) return { status: statusIn(error) ?? statusIn(fields) ?? DEFAULT_STATUS, why: 'error' };
  if (fields['object'] === 'error' || fields['type'] === 'error')
    return { status: statusIn(fields) ?? DEFAULT_STATUS, why: 'error' };
  const choices = choicesOf(fields);
  if (choices.length > 0 && choices.every(failed))
    return { status: statusIn(choices[0]?.['error']) ?? DEFAULT_STATUS, why: 'error' };
  return null;
}

/** The error in an event whose name says that it is one, whatever its data. */
export function errorOfEvent(document: object): ProviderError {
  return errorIn(document) ?? { status: statusIn(document) ?? DEFAULT_STATUS, why: 'error' };
}

/** Whether a parsed value is an object, not null and not a list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The items of `choices` that are objects. */
export function choicesOf(document: object): readonly Record<string, unknown>[] {
  const { choices } = document as { choices?: unknown };
  return Array.isArray(choices) ? choices.filter((each) => typeof each === 'object' && each !== null) : [];
}

function failed(choice: Record<string, unknown>): boolean {
  return isError(choice['error']) || choice['finish_reason'] === 'error';
}

/** Whether an `error` field has any content: some servers always send the field, with an empty value. */
function isError(error: unknown): boolean {
  if (typeof error === 'object' && error !== null) return Object.values(error).some((value) => isError(value));
  return error !== undefined && error !== null && error !== false && error !== '' && error !== 0;
}

/** The HTTP status that an error's `code`, `status` or `type` gives, as a number or a known name; null if none does. */
export function statusIn(value: unknown): number | null {
  if (typeof value !== 'object' || value === null) return null;
  const fields = value as Record<string, unknown>;
  for (const name of ['code', 'status', 'status_code', 'http_code', 'type']) {
    const status = statusOf(fields[name]);
    if (status !== null) return status;
  }
  return null;
}

function statusOf(code: unknown): number | null {
  const number =
    typeof code === 'number' ? code : typeof code === 'string' && /^[45]\d\d$/.test(code) ? Number(code) : NaN;
  if (Number.isInteger(number) && number >= 400 && number <= 599) return number;
  if (typeof code !== 'string') return null;
  return STATUS_OF_NAME.find(([name]) => name.test(code))?.[1] ?? null;
}
