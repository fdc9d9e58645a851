import { isObject } from './body-object.js';

/** Schemas that refer to themselves end here. */
const DEPTH_MAX = 8;

/** A value that fits a JSON schema, always the same one. `true` stands for any object. */
export function sampleOf(schema: unknown): unknown {
  return schema === true ? { word0: 'word1' } : sample(schema, schema, 0);
}

function sample(schema: unknown, root: unknown, depth: number): unknown {
  if (!isObject(schema) || depth > DEPTH_MAX) return null;
  const inner = (each: unknown) => sample(each, root, depth + 1);
  if ('const' in schema) return schema['const'];
  const { enum: values, $ref: reference, allOf } = schema;
  if (Array.isArray(values) && values.length > 0) return values[0] as unknown;
  if (typeof reference === 'string') return inner(atPointer(root, reference));
  const either = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(either)) return inner(either[0]);
  if (Array.isArray(allOf)) return Object.assign({}, ...allOf.map(inner)) as unknown;
  switch (typeOf(schema)) {
    case 'object':
      return Object.fromEntries(
        Object.entries(isObject(schema['properties']) ? schema['properties'] : {}).map(([name, of]) => [
          name,
          inner(of),
        ]),
      );
    case 'array':
      return Array.from({ length: numberIn(schema, 'minItems') ?? 1 }, () => inner(schema['items'] ?? {}));
    case 'string':
      return textFor(schema);
    case 'integer':
    case 'number':
      return numberIn(schema, 'minimum') ?? 1;
    case 'boolean':
      return true;
    default:
      return null;
  }
}

function typeOf(schema: Record<string, unknown>): unknown {
  const { type } = schema;
  if (Array.isArray(type)) return type.find((each) => each !== 'null');
  return type ?? ('properties' in schema ? 'object' : 'items' in schema ? 'array' : undefined);
}

function textFor(schema: Record<string, unknown>): string {
  switch (schema['format']) {
    case 'date':
      return '2026-01-02';
    case 'date-time':
      return '2026-01-02T03:04:05Z';
    case 'uuid':
      return '00000000-0000-4000-8000-000000000000';
    case 'email':
      return 'word0@example.com';
    case 'uri':
      return 'https://example.com/word0';
    default:
      return 'word0'.padEnd(numberIn(schema, 'minLength') ?? 0, '0');
  }
}

function numberIn(schema: Record<string, unknown>, name: string): number | undefined {
  const value = schema[name];
  return typeof value === 'number' ? value : undefined;
}

/** The schema at a pointer such as `#/$defs/City`. */
function atPointer(root: unknown, reference: string): unknown {
  return reference
    .split('/')
    .slice(1)
    .reduce<unknown>(
      (at, name) => (isObject(at) ? at[name.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined),
      root,
    );
}
