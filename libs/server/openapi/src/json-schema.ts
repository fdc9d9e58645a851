import { z } from 'zod';
import type { JsonObject } from './openapi-document.js';
import { shownJson } from './route-docs.js';

/** A schema of the document, and the named schemas that it refers to. */
export interface ConvertedSchema {
  readonly schema: JsonObject;
  readonly components: Readonly<Record<string, JsonObject>>;
}

/**
 * Converts a zod schema to JSON Schema 2020-12, the dialect of OpenAPI 3.1. Schemas with an id (`.meta({ id })`) become
 * components. Objects in replies allow unknown fields, because a client must accept fields that are added later.
 * @throws {Error} if a schema does not accept its example
 */
export function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): ConvertedSchema {
  const {
    $schema: _,
    $defs = {},
    ...root
  } = z.toJSONSchema(schema, {
    io,
    override: ({ zodSchema, jsonSchema }) => {
      // zod leaves out the examples of a request in which something is transformed, since they might be of the result.
      const examples = (zodSchema as unknown as z.ZodType).meta()?.['examples'];
      if (io === 'input' && Array.isArray(examples)) jsonSchema.examples = examples as unknown[];
      checkExamples(zodSchema as unknown as z.ZodType, jsonSchema.examples);
      const instead = shownJson(zodSchema);
      if (instead !== undefined) {
        for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
        Object.assign(jsonSchema, instead);
      }
      tidy(jsonSchema, io);
    },
  });
  return referToComponents({ schema: root, components: $defs }) as ConvertedSchema;
}

function checkExamples(schema: z.ZodType, examples: unknown): void {
  for (const example of Array.isArray(examples) ? (examples as unknown[]) : []) {
    const read = schema.safeParse(example);
    if (!read.success) throw new Error(`an example is not as its schema has it: ${JSON.stringify(example)}`);
  }
}

/** Removes what is redundant, and what has a meaning only for zod. */
function tidy(json: Record<string, unknown>, io: 'input' | 'output'): void {
  delete json['id'];
  delete json['readOnly'];
  if (json['format'] !== undefined || isOfJavaScript(json['pattern'])) delete json['pattern'];
  if (Array.isArray(json['allOf'])) {
    const kept = (json['allOf'] as Record<string, unknown>[]).filter(({ pattern }) => !isOfJavaScript(pattern));
    if (kept.length > 0) json['allOf'] = kept;
    else delete json['allOf'];
  }
  if (json['maximum'] === Number.MAX_SAFE_INTEGER) delete json['maximum'];
  if (json['minimum'] === Number.MIN_SAFE_INTEGER) delete json['minimum'];
  if (io === 'output' && json['additionalProperties'] === false) delete json['additionalProperties'];
}

/** Whether a pattern uses Unicode properties, which the regular expressions of many languages do not support. */
const isOfJavaScript = (pattern: unknown): boolean => typeof pattern === 'string' && /\\p\{/i.test(pattern);

/** zod refers to `#/$defs/NAME`, a document to `#/components/schemas/NAME`. */
function referToComponents(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(referToComponents);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      key === '$ref' && typeof each === 'string'
        ? each.replace('#/$defs/', '#/components/schemas/')
        : referToComponents(each),
    ]),
  );
}
