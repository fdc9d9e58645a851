import { ERRORS, type ErrorCode } from '@tollgate/errors';
import type { ErrorShape } from '../dialect.js';
import { OPENAI_ERRORS } from '../openai/errors.js';

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

/** Our own error in a failed response. */
export function ownError(code: ErrorCode): FailedError {
  return { code, message: ERRORS[code].message };
}

/** OpenAI's errors, with the event of Responses. */
export const RESPONSES_ERRORS: ErrorShape = {
  body: OPENAI_ERRORS.body,
  event: (code) => failedEvent(null, ownError(code), 0),
};
