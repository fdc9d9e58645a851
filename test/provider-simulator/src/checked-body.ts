import { isAbsent, isObject, parseObject } from './body-object.js';
import { invalidRequest, type OpenAiError } from './errors.js';

/** What is wrong with a request. It is thrown while a body is read, and is the answer 400. */
export class BadRequest extends Error {
  readonly error: OpenAiError;

  constructor(message: string, param: string | null = null, code: string | null = null) {
    super(message);
    this.error = invalidRequest(message, param, code);
  }
}

/** A request that was read, or the error to answer. */
export type Parsed<T> = { kind: 'valid'; request: T } | { kind: 'invalid'; error: OpenAiError };

/** Reads a body that is a JSON object; what `read` throws as a `BadRequest` is the error. */
export function parseBody<T>(body: Buffer, read: (fields: Record<string, unknown>) => T): Parsed<T> {
  const fields = parseObject(body);
  try {
    if (fields === undefined) throw new BadRequest('We could not parse the JSON body of your request.');
    return { kind: 'valid', request: read(fields) };
  } catch (error) {
    if (error instanceof BadRequest) return { kind: 'invalid', error: error.error };
    throw error;
  }
}

/** The name of the model: the deployment's that the path names, or the body's. */
export function modelIn(fields: Record<string, unknown>, deployment: string | null = null): string {
  const model = deployment ?? fields['model'];
  if (typeof model !== 'string' || model === '') throw new BadRequest('you must provide a model parameter', 'model');
  return model;
}

/** A boolean; null and absent are false. */
export function flagIn(fields: Record<string, unknown>, name: string): boolean {
  const value = fields[name];
  if (!isAbsent(value) && typeof value !== 'boolean') throw wrongType(name, 'a boolean');
  return value === true;
}

/** An integer of at least `least`; undefined if absent or null. */
export function countIn(fields: Record<string, unknown>, name: string, least = 1): number | undefined {
  const value = fields[name];
  if (isAbsent(value)) return undefined;
  if (!Number.isSafeInteger(value) || (value as number) < least)
    throw wrongType(name, `an integer of at least ${least}`);
  return value as number;
}

/** An object; undefined if absent or null. */
export function objectIn(fields: Record<string, unknown>, name: string): Record<string, unknown> | undefined {
  const value = fields[name];
  if (isAbsent(value)) return undefined;
  if (!isObject(value)) throw wrongType(name, 'an object');
  return value;
}

/** A list of objects; empty if absent or null. */
export function objectsIn(fields: Record<string, unknown>, name: string): readonly Record<string, unknown>[] {
  const value = fields[name] ?? [];
  if (!Array.isArray(value) || !value.every(isObject)) throw wrongType(name, 'an array of objects');
  return value;
}

/** A text, or a list of them; empty if absent or null. */
export function textsIn(fields: Record<string, unknown>, name: string): readonly string[] {
  const value = fields[name] ?? [];
  const list = typeof value === 'string' ? [value] : value;
  if (!Array.isArray(list) || !list.every((each) => typeof each === 'string')) throw wrongType(name, 'strings');
  return list;
}

/** The error for a value of a wrong type, with OpenAI's code. */
export function wrongType(name: string, wanted: string): BadRequest {
  return new BadRequest(`Invalid type for '${name}': expected ${wanted}.`, name, 'invalid_type');
}
