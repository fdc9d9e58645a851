import type { JsonObject } from './dialect-codec.js';
import { FieldReader } from './field-reader.js';
import { isObject } from './fields.js';

/**
 * Reads an object that stands in another one, at `name`. Null if it is no object; its fault counts for the outer one.
 */
export function readNested<Value>(
  outer: FieldReader,
  name: string,
  value: unknown,
  read: (fields: FieldReader, object: JsonObject) => Value,
): Value | null {
  if (!isObject(value)) {
    outer.refuse(name, `${outer.pathOf(name)} must be an object.`);
    return null;
  }
  const fields = new FieldReader(value, outer.pathOf(name));
  const result = read(fields, value);
  outer.fault ??= fields.fault;
  return result;
}

/**
 * Reads each object of a list that stands at `name`; none if there is no list. Those that are no objects are faults.
 */
export function readEach<Value>(
  outer: FieldReader,
  name: string,
  read: (fields: FieldReader, object: JsonObject, at: number) => Value,
): readonly Value[] {
  return (outer.list(name) ?? []).flatMap((item, at) => {
    const value = readNested(outer, `${name}[${at}]`, item, (fields, object) => read(fields, object, at));
    return value === null ? [] : [value];
  });
}
