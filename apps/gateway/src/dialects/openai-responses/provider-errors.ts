import { OPENAI_ERRORS } from '../openai/errors.js';
import { isObject } from '../openai/reply-error.js';
import type { IdSeal } from './id-seal.js';

const NOT_FOUND = 'previous_response_not_found';

/**
 * A provider's error as the client is told it: as an error object, also if it came as a response that failed or as an
 * event of a stream, and without ids of the provider's account. Null if the provider's own bytes are that.
 */
export function errorForClient(body: Buffer, seal: IdSeal): Buffer | null {
  const text = body.toString('latin1');
  const error = errorObject(text);
  if (error?.['code'] === NOT_FOUND) return OPENAI_ERRORS.body(NOT_FOUND, null, 'previous_response_id', '');
  const own = error === null ? text : Buffer.from(JSON.stringify({ error })).toString('latin1');
  const told = seal.inError(own);
  return told === text ? null : Buffer.from(told, 'latin1');
}

/** The fields of an error that does not stand in `error` of the document itself; null if it stands there or nowhere. */
function errorObject(text: string): Record<string, unknown> | null {
  const document = parsed(text);
  if (!isObject(document)) return null;
  const { response, type } = document;
  const inner = isObject(response) ? response['error'] : null;
  if (isObject(inner)) return shaped(inner);
  const own = document['error'];
  if (isObject(own)) return document['object'] === 'response' || own['code'] === NOT_FOUND ? shaped(own) : null;
  return type === 'error' && typeof document['message'] === 'string' ? shaped(document) : null;
}

function shaped({ message, type, param, code }: Record<string, unknown>): Record<string, unknown> {
  const kind = typeof type === 'string' && type !== 'error' ? type : 'invalid_request_error';
  return { message: message ?? null, type: kind, param: param ?? null, code: code ?? null };
}

function parsed(latin1: string): unknown {
  try {
    return JSON.parse(Buffer.from(latin1, 'latin1').toString('utf8'));
  } catch {
    return null;
  }
}
