import { fieldErrors, validate, type ErrorCode } from '@tollgate/errors';
import type { z } from 'zod';
import { findJsonFault, type JsonFault } from './json-fault.js';
import { Problem } from './problem.js';
import { findRepeatedName } from './repeated-name.js';
import { maySpellUnstorable, unstorableTexts } from './unstorable-text.js';

/**
 * The body of a request as its schema has it, for `RequestPipe`.
 *
 * A server of `createNestServer` hands handlers the bytes as they came (a `Buffer`; undefined for none), and
 * JSON is read here: after the guards, so that a caller without a credential gets 401 whatever it sends and
 * nobody parses for it. No body counts as `{}`.
 *
 * An object that gives a field twice is refused: what stands between us and the caller may have read the other one. So
 * is a text that no database can store (`unstorableTexts`). A number in a field of USD is read as the text that it is.
 *
 * @throws {Problem} `invalid_json` with line and column, `invalid_request` with every field at fault, or with line and
 * column of the second of two fields of one name; none repeats anything of the body.
 */
export function parseBody<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  return checked(schema, body instanceof Uint8Array ? parseUnambiguous(body) : (body ?? {}));
}

function parseUnambiguous(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return {};
  const text = decode(bytes);
  const value = parseText(text, text.includes(`${AMOUNT_ENDING}"`) ? amountAsWritten : undefined);
  const repeated = findRepeatedName(text);
  if (repeated !== null)
    throw new Problem('invalid_request', { detail: `The body gives a field twice: ${placeOf(repeated)}.` });
  if (maySpellUnstorable(text)) refuseUnstorable(value);
  return value;
}

/** The fields that are amounts of USD end with this. */
const AMOUNT_ENDING = '_usd';

/**
 * A number in a field of USD as the text that was sent, which the schema of the field then reads exactly. As a double
 * it may have other decimals, and nothing is left to see of an exponent or of decimals below a nano-USD.
 */
function amountAsWritten(name: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' && name.endsWith(AMOUNT_ENDING) ? (context?.source ?? value) : value;
}

function refuseUnstorable(value: unknown): void {
  const errors = unstorableTexts(value);
  if (errors.length > 0) throw new Problem('invalid_request', { errors });
}

const placeOf = ({ line, column }: JsonFault): string => `line ${line}, column ${column}`;

/** The query of a request as its schema has it. Values are strings, or lists of them where a name was repeated. */
export function parseQuery<S extends z.ZodType>(schema: S, query: unknown): z.output<S> {
  refuseUnstorable(query);
  return checked(schema, { ...(query as object | undefined) });
}

/**
 * The parameters of a path as their schema has them.
 * @throws {Problem} with `refusal`, or like a query without one
 */
export function parseParams<S extends z.ZodType>(schema: S, params: unknown, refusal: ErrorCode | null): z.output<S> {
  if (refusal === null) return parseQuery(schema, params);
  const result = validate(schema, { ...(params as object) });
  if (result.kind === 'invalid') throw new Problem(refusal);
  return result.value;
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
  return bytes.length === 0 ? {} : parseText(decode(bytes));
}

function parseText(text: string, reviver?: typeof amountAsWritten): unknown {
  try {
    return JSON.parse(text, reviver);
  } catch {
    const fault = findJsonFault(text);
    throw new Problem(
      'invalid_json',
      fault === null ? {} : { detail: `The body is not valid JSON: ${placeOf(fault)}.` },
    );
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Problem('invalid_json', { detail: 'The body is not valid UTF-8.' });
  }
}
