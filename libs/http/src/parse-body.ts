import { fieldErrors, validate } from '@tollgate/errors';
import type { z } from 'zod';
import { findJsonFault } from './json-fault.js';
import { Problem } from './problem.js';

/**
 * The body of a request as its schema has it: `parseBody(createKeyRequest, body)` with `@Body() body: unknown`.
 *
 * A server of `createNestServer` hands handlers the bytes as they came (a `Buffer`; undefined for none), and
 * JSON is read here: after the guards, so that a caller without a credential gets 401 whatever it sends and
 * nobody parses for it. No body counts as `{}`.
 *
 * @throws {Problem} `invalid_json` with line and column, `invalid_request` with every field at fault; neither
 * repeats anything of the body.
 */
export function parseBody<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  return checked(schema, body instanceof Uint8Array ? parseJson(body) : (body ?? {}));
}

/** The query of a request as its schema has it. Values are strings, or lists of them where a name was repeated. */
export function parseQuery<S extends z.ZodType>(schema: S, query: unknown): z.output<S> {
  return checked(schema, { ...(query as object | undefined) });
}

function checked<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = validate(schema, value);
  if (result.kind === 'invalid') throw new Problem('invalid_request', { errors: fieldErrors(result.faults) });
  return result.value;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * JSON text in UTF-8 (RFC 8259) as a value; no bytes at all are `{}`.
 * @throws {Problem} `invalid_json`
 */
export function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return {};
  const text = decode(bytes);
  try {
    return JSON.parse(text);
  } catch {
    const fault = findJsonFault(text);
    throw new Problem('invalid_json', fault === null ? {} : { detail: `The body is not valid JSON: line ${fault.line}, column ${fault.column}.` });
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Problem('invalid_json', { detail: 'The body is not valid UTF-8.' });
  }
}
