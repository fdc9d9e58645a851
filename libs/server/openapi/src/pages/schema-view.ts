import type { JsonObject } from '../openapi-document.js';
import { escaped, inline } from './html.js';

/** A JSON Schema as HTML: its type with its bounds, then its fields. Named schemas are linked. */
export function schemaView(schema: JsonObject): string {
  const fields = Object.entries((schema['properties'] ?? {}) as Record<string, JsonObject>);
  const required = new Set((schema['required'] ?? []) as string[]);
  if (fields.length === 0) return '';
  return `<dl>${fields
    .map(([name, field]) => fieldView(name, field, required.has(name) ? 'required' : 'optional'))
    .join('')}</dl>`;
}

/** A field or a parameter: its name, its type with bounds, what it is. */
export function fieldView(
  name: string,
  schema: JsonObject,
  remark: string,
  description = schema['description'],
): string {
  const text = typeof description === 'string' ? inline(description) : '';
  const nested = schemaView((schema['items'] as JsonObject | undefined) ?? schema);
  return `<dt><code>${escaped(name)}</code> <span class="soft">${typeText(schema)}, ${escaped(remark)}</span></dt><dd>${text}${nested}</dd>`;
}

/** The type of a schema in words, with its bounds. */
export function typeText(schema: JsonObject): string {
  const reference = schema['$ref'];
  if (typeof reference === 'string') return linkOf(reference);
  const choices = (schema['anyOf'] ?? schema['oneOf']) as readonly JsonObject[] | undefined;
  if (choices !== undefined) return choices.map(typeText).join(' or ');
  if (Array.isArray(schema['enum'])) return `one of ${(schema['enum'] as unknown[]).map(code).join(', ')}`;
  if ('const' in schema) return code(schema['const']);
  const type = schema['type'];
  const named = Array.isArray(type) ? (type as string[]).join(' or ') : typeof type === 'string' ? type : 'any value';
  const item = type === 'array' ? ` of ${typeText((schema['items'] ?? {}) as JsonObject)}` : '';
  return [escaped(named) + item, ...boundsOf(schema)].join(', ');
}

const BOUNDS: Readonly<Record<string, (value: string) => string>> = {
  format: (value) => value,
  minLength: (value) => `at least ${value} characters`,
  maxLength: (value) => `at most ${value} characters`,
  minItems: (value) => `at least ${value} items`,
  maxItems: (value) => `at most ${value} items`,
  minimum: (value) => `from ${value}`,
  exclusiveMinimum: (value) => `above ${value}`,
  maximum: (value) => `up to ${value}`,
  pattern: (value) => `as ${value}`,
  default: (value) => `without it ${value}`,
};

function boundsOf(schema: JsonObject): string[] {
  return Object.entries(BOUNDS).flatMap(([key, say]) => {
    const value = schema[key];
    if (value === undefined || value === null) return [];
    return escaped(say(typeof value === 'string' ? value : JSON.stringify(value)));
  });
}

const code = (value: unknown): string => `<code>${escaped(JSON.stringify(value))}</code>`;

/** A link to a named schema of the same page. */
function linkOf(reference: string): string {
  const name = reference.split('/').at(-1) ?? '';
  return `<a href="#schema-${encodeURIComponent(name)}">${escaped(name)}</a>`;
}
