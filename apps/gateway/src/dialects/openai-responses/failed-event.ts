import { ERRORS, type ErrorCode } from '@tollgate/errors';
import type { ErrorShape } from '../dialect.js';
import { openAiErrorBody } from '../openai/errors.js';
import { BELOW_API } from '../openrouter/errors.js';

/** What a failed response says of its error. */
export interface FailedError {
  readonly code: unknown;
  readonly message: unknown;
}

/** A response of which nothing is known but that it failed. Clients read each of these fields. */
const UNKNOWN = {
  id: '',
  object: 'response',
  created_at: 0,
  incomplete_details: null,
  instructions: null,
  metadata: {},
  model: '',
  output: [],
  parallel_tool_calls: true,
  temperature: null,
  tool_choice: 'auto',
  tools: [],
  top_p: null,
  usage: null,
};

/**
 * The event that ends a stream of Responses with an error, as latin1: clients look for the error inside `response`.
 * `response` is the response as the stream has told it before; null if it has told none.
 */
export function failedEvent(response: object | null, error: FailedError, sequenceNumber: number): string {
  const failed = { ...UNKNOWN, ...response, status: 'failed', error };
  const data = { type: 'response.failed', sequence_number: sequenceNumber, response: failed };
  return Buffer.from(`event: response.failed\ndata: ${JSON.stringify(data)}\n\n`).toString('latin1');
}

/**
 * Our own error in a failed response. Codex tries again after all codes but those that it knows: `insufficient_quota`
 * is how it calls the end of a credit.
 */
export function ownError(code: ErrorCode): FailedError {
  return { code: code === 'quota_exceeded' ? 'insufficient_quota' : code, message: ERRORS[code].message };
}

/** OpenAI's errors, with the event of Responses, and with the code that content has there which is forbidden. */
export const RESPONSES_ERRORS: ErrorShape = {
  body: (code, message, param) => {
    const { error } = openAiErrorBody(code, message, param);
    const told = code === 'content_policy_violation' ? { ...error, code: 'invalid_prompt' } : error;
    return Buffer.from(JSON.stringify({ error: told }));
  },
  event: failed,
  belowApi: { body: BELOW_API.body, ofProvider: BELOW_API.ofProvider, event: failed },
};

function failed(code: ErrorCode): string {
  return failedEvent(null, ownError(code), 0);
}
