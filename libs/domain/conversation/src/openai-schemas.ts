import type { JsonObject } from './dialect-codec.js';
import { isObject, itemsOf } from './fields.js';

const NO_PARAMETERS: JsonObject = { type: 'object', properties: {} };
/** What a schema may say instead of a type of its own. */
const OTHER_HEADS = ['$ref', 'anyOf', 'oneOf', 'allOf'];
/** What OpenAI's guide to structured outputs lists as not supported (read in November 2026). */
const NOT_STRICT = [
  ...['allOf', 'oneOf', 'not', 'if', 'then', 'else', 'dependentRequired', 'dependentSchemas'],
  ...['patternProperties', 'propertyNames', 'prefixItems', 'contains', 'unevaluatedProperties', 'unevaluatedItems'],
];

/**
 * The parameters of a function as OpenAI takes them: it refuses a schema of an object that has no `properties`, which
 * tools without arguments often have.
 */
export function parametersFor(parameters: JsonObject | null): JsonObject {
  if (parameters === null) return NO_PARAMETERS;
  const typed = parameters['type'] ?? (OTHER_HEADS.some((head) => Object.hasOwn(parameters, head)) ? null : 'object');
  if (typed !== 'object') return parameters;
  if (!isObject(parameters['properties'])) return { ...parameters, ...NO_PARAMETERS };
  return parameters['type'] === typed ? parameters : { ...parameters, type: typed };
}

/**
 * Whether OpenAI takes a schema as a strict one: each object in it forbids other properties and requires all of its
 * own, and nothing that strict schemas cannot have stands anywhere. Anthropic's rule is milder: there a property may be
 * left out.
 */
function fitsStrict(schema: JsonObject): boolean {
  if (schema['type'] !== 'object') return false;
  // These are still to be looked at. No function calls itself here, since schemas may be nested very deeply.
  const pending: unknown[] = [schema];
  while (pending.length > 0) {
    const part = pending.pop();
    if (!isObject(part) || !isStrictPart(part)) return false;
    for (const nested of nestedIn(part)) pending.push(nested);
  }
  return true;
}

/** Whether one schema keeps the rules, without those that stand in it. */
function isStrictPart(schema: JsonObject): boolean {
  if (NOT_STRICT.some((word) => Object.hasOwn(schema, word))) return false;
  const { type, properties } = schema;
  if (type === undefined && schema['$ref'] === undefined && schema['anyOf'] === undefined) return false;
  const isOfObject = type === 'object' || itemsOf(type).includes('object') || properties !== undefined;
  if (!isOfObject) return true;
  if (schema['additionalProperties'] !== false) return false;
  const required = new Set(itemsOf(schema['required']));
  return (
    properties === undefined || (isObject(properties) && Object.keys(properties).every((name) => required.has(name)))
  );
}

function nestedIn({ properties, items, anyOf, $defs, definitions }: JsonObject): readonly unknown[] {
  const named = [properties, $defs, definitions].filter(isObject).flatMap((schemas) => Object.values(schemas));
  return [...named, ...itemsOf(anyOf), ...(items === undefined ? [] : [items])];
}

/**
 * Whether a schema is sent as a strict one. A strict one that OpenAI would refuse is sent without the word, which is
 * noted by `field`: the answer then follows the schema as well as the model can.
 */
export function strictFor(
  { strict, schema, field }: { readonly strict: boolean | null; readonly schema: JsonObject; readonly field: string },
  leftOut: Set<string>,
): boolean | null {
  if (strict !== true || fitsStrict(schema)) return strict;
  leftOut.add(`${field}.strict`);
  return null;
}
