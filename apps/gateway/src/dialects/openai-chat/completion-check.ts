/** What a provider said instead of a completion. */
export interface ProviderError {
  /** The status that its code stands for; 502 where it names none. */
  readonly status: number;
  readonly why: 'error' | 'no_completion';
}

/** Of what says neither a completion nor an error. */
export const NO_COMPLETION: ProviderError = { status: 502, why: 'no_completion' };
const DEFAULT_STATUS = 502;

/** Names that providers give instead of a status, in `code`, `type` or `status` (Google's are of google.rpc.Code). */
const STATUS_OF_NAME: readonly (readonly [RegExp, number])[] = [
  [/^(?:rate_?limit|too_many_requests|requests_limit|resource_exhausted|throttl)/i, 429],
  [/^(?:overloaded|unavailable|service_unavailable|server_overloaded)/i, 503],
  [/^(?:deadline_exceeded|timeout|gateway_timeout|request_timeout)/i, 504],
  [
    /^(?:invalid_request|bad_?request|invalid_argument|context_length_exceeded|string_above_max_length|content_filter|content_policy_violation)/i,
    400,
  ],
];

/**
 * The error in a document that came with a status of success; null where it is a completion, or a part of one. Errors
 * stand at the top level beside or instead of `choices` (OpenRouter, NVIDIA), as the document itself (vLLM,
 * Anthropic), or in the only choices there are.
 */
export function errorIn(document: object): ProviderError | null {
  const fields = document as Record<string, unknown>;
  const error = fields['error'];
  if (isError(error)) return { status: statusIn(error) ?? statusIn(fields) ?? DEFAULT_STATUS, why: 'error' };
  if (fields['object'] === 'error' || fields['type'] === 'error')
    return { status: statusIn(fields) ?? DEFAULT_STATUS, why: 'error' };
  const choices = choicesOf(fields);
  if (choices.length > 0 && choices.every(failed))
    return { status: statusIn(choices[0]!['error']) ?? DEFAULT_STATUS, why: 'error' };
  return null;
}

/** The error in an event that is called one, whatever its shape. */
export function errorOfEvent(document: object): ProviderError {
  return errorIn(document) ?? { status: statusIn(document) ?? DEFAULT_STATUS, why: 'error' };
}

/** What is wrong with a whole plain reply; null where it is a completion: at least one choice says something. */
export function faultOfReply(document: unknown): ProviderError | null {
  // Google's servers send an error as a list of one.
  if (Array.isArray(document))
    return document.length === 1 && isObject(document[0]) ? (errorIn(document[0]) ?? NO_COMPLETION) : NO_COMPLETION;
  if (!isObject(document)) return NO_COMPLETION;
  const error = errorIn(document);
  if (error !== null) return error;
  if (choicesOf(document).some(saysSomething)) return null;
  const status = statusIn(document);
  return status === null ? NO_COMPLETION : { status, why: 'no_completion' };
}

function saysSomething(choice: Record<string, unknown>): boolean {
  return (
    isObject(choice['message']) || typeof choice['text'] === 'string' || typeof choice['finish_reason'] === 'string'
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The choices that are objects. */
export function choicesOf(document: object): readonly Record<string, unknown>[] {
  const { choices } = document as { choices?: unknown };
  return Array.isArray(choices) ? choices.filter((each) => typeof each === 'object' && each !== null) : [];
}

function failed(choice: Record<string, unknown>): boolean {
  return isError(choice['error']) || choice['finish_reason'] === 'error';
}

/** An `error` that says nothing is a field that is always there. */
function isError(error: unknown): boolean {
  if (typeof error === 'object' && error !== null) return Object.values(error).some((value) => isError(value));
  return error !== undefined && error !== null && error !== false && error !== '' && error !== 0;
}

function statusIn(value: unknown): number | null {
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
