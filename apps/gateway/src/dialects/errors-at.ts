import type { IncomingHttpHeaders } from 'node:http';
import type { ErrorShape } from './dialect.js';
import { ANTHROPIC_ERRORS } from './anthropic/errors.js';
import { OPENAI_ERRORS } from './openai/errors.js';

const OF_ANTHROPIC = /\/messages(?:[/?]|$)/i;

/**
 * The error format that the client of an inference path expects, where no dialect decides it: Anthropic's at its paths,
 * and at any path for clients that name a version of its API, as its SDKs do when they ask for models.
 */
export function errorsAt(path: string, headers: IncomingHttpHeaders): ErrorShape {
  return headers['anthropic-version'] !== undefined || OF_ANTHROPIC.test(path) ? ANTHROPIC_ERRORS : OPENAI_ERRORS;
}
