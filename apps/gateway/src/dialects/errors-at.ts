import type { IncomingHttpHeaders } from 'node:http';
import type { ErrorShape } from './dialect.js';
import { OPENAI_ERRORS } from './openai/errors.js';

/**
 * The error format that the client of an inference path expects, where no dialect decides it.
 */
export function errorsAt(_path: string, _headers: IncomingHttpHeaders): ErrorShape {
  return OPENAI_ERRORS;
}
