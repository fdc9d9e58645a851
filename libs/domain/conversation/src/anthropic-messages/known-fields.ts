import type { Fault, JsonObject } from '../dialect-codec.js';
import { fault } from '../fault.js';

/** The first field of an object that is not among `known` and has a value. */
export function unknownField(object: JsonObject, known: ReadonlySet<string>): string | undefined {
  for (const field in object) if (!known.has(field) && object[field] !== null) return field;
  return undefined;
}

/** A field that has no counterpart elsewhere, or that this version does not know. */
export function notCarried(param: string): Fault {
  return fault(param, 'This field cannot be carried to a model of another maker.');
}
