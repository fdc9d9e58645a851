import { NO_ANSWER, type ProviderError } from '../answer.js';
import { errorIn, isObject } from '../openai/reply-error.js';

/** Codes of failed responses that are the fault of the request. */
const CALLERS_FAULT = /^(?:invalid_|image_|unsupported_|empty_|failed_to_download|context_length)|_policy/;
const BAD_REQUEST = 400,
  BAD_GATEWAY = 502;
/** Ends of a response that are answers; absent counts as one, since some servers give no status. */
const ANSWERED: ReadonlySet<unknown> = new Set([undefined, null, 'completed', 'incomplete']);

/**
 * The error in a parsed plain reply; null if it is a response with its output, or a compacted conversation. A response
 * that its ceiling has cut is an answer. One that failed is an error, although its status is success; one that is still
 * queued or was cancelled is no answer.
 */
export function faultOfResponse(document: unknown): ProviderError | null {
  if (!isObject(document)) return NO_ANSWER;
  const error = errorOfResponse(document);
  if (error !== null) return error;
  return Array.isArray(document['output']) && ANSWERED.has(document['status']) ? null : NO_ANSWER;
}

/** The error of a response that failed, or of another document that is an error; null for any other. */
export function errorOfResponse(document: Record<string, unknown>): ProviderError | null {
  const found = errorIn(document);
  if (found === null && document['status'] !== 'failed') return null;
  const { error } = document;
  const code = isObject(error) ? error['code'] : null;
  if (typeof code === 'string' && CALLERS_FAULT.test(code)) return { status: BAD_REQUEST, why: 'error' };
  return found ?? { status: BAD_GATEWAY, why: 'error' };
}
