import { Ajv2020 } from 'ajv/dist/2020.js';
import { ERRORS } from '@tollgate/errors';
import { describe, expect, it } from 'vitest';
import { DOCUMENTED_SERVICES, readDocument, type OpenApiDocument, type OperationObject } from './index.js';

type Json = Readonly<Record<string, unknown>>;
interface Content {
  readonly schema?: Json;
  readonly examples?: Readonly<Record<string, Json>>;
}

/**
 * Bodies whose form another product has made: we take what it sends; and that of `prices` in config.yaml, which has
 * maps from the names of tools and tiers. It is bounded as a whole.
 */
const FORMS_OF_OTHERS = ['reportLeakedSecrets', 'exchangeCode', 'importProviderReport', 'setOrganizationPrices'];

const BOUNDS_OF_TEXT = ['maxLength', 'enum', 'const', 'format', 'pattern'];

/** Where a schema of requests lets a caller send as much as they like. */
function unbounded(document: OpenApiDocument, schema: Json, path: string): string[] {
  const whole = resolved(document, schema);
  const types = [whole['type']].flat();
  const own = [
    ...(types.includes('string') && !BOUNDS_OF_TEXT.some((each) => each in whole) ? [`${path}: a text without a bound`] : []),
    ...(types.includes('array') && !('maxItems' in whole) ? [`${path}: a list without a bound`] : []),
    ...(types.includes('integer') && !('minimum' in whole || 'exclusiveMinimum' in whole) ? [`${path}: no least number`] : []),
    ...(types.includes('integer') && !('maximum' in whole) ? [`${path}: no greatest number`] : []),
    ...(types.includes('object') && whole['additionalProperties'] !== false && path !== '' ? [`${path}: takes unknown fields`] : []),
  ];
  const parts = [
    ...Object.entries((whole['properties'] ?? {}) as Record<string, Json>).map(([name, each]) => [`${path}.${name}`, each] as const),
    ...(typeof whole['items'] === 'object' ? [[`${path}[]`, whole['items'] as Json] as const] : []),
    ...['anyOf', 'oneOf', 'allOf'].flatMap((key) => ((whole[key] ?? []) as Json[]).map((each) => [path, each] as const)),
  ];
  return [...own, ...parts.flatMap(([at, part]) => unbounded(document, part, at))];
} // prettier-ignore

function resolved(document: OpenApiDocument, schema: Json): Json {
  const reference = schema['$ref'];
  if (typeof reference !== 'string') return schema;
  return reference
    .split('/')
    .slice(1)
    .reduce<Json>((at, part) => at[part] as Json, document as unknown as Json);
}

const contentOf = (message: Json | undefined): [string, Content][] =>
  Object.entries((message?.['content'] ?? {}) as Record<string, Content>);

const operations = DOCUMENTED_SERVICES.filter((service) => service !== 'gateway').flatMap((service) => {
  const document = readDocument(service);
  return Object.values(document.paths)
    .flatMap((item) => Object.values(item) as OperationObject[])
    .map((operation) => [operation.operationId, document, operation] as const);
});

describe.each(operations)('the document of %s', (id, document, operation) => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });

  it('says what it is for, and what each parameter is, in words', () => {
    expect(operation.summary).toMatch(/^[A-Z].*[^.]$/);
    expect(operation.summary.length).toBeLessThanOrEqual(60);
    for (const { name, description } of operation.parameters ?? [])
      expect(description, String(name)).toEqual(expect.stringMatching(/\S/));
  });

  it('bounds all that a caller may send', () => {
    for (const { name, schema } of operation.parameters ?? [])
      expect(unbounded(document, schema as Json, String(name))).toEqual([]);
    if (FORMS_OF_OTHERS.includes(id)) return;
    for (const [, { schema = {} }] of contentOf(operation.requestBody))
      expect(unbounded(document, schema, 'body')).toEqual([]);
  });

  it('has an example of its body and of its replies, and each is as its schema says', () => {
    const answers = Object.entries(operation.responses).flatMap(([status, response]) =>
      contentOf(response).map(([type, content]) => [`${status} ${type}`, content] as const),
    );
    const messages = [...contentOf(operation.requestBody), ...answers];
    for (const [what, { schema = {}, examples: named = {} }] of messages) {
      const own = (resolved(document, schema)['examples'] ?? []) as readonly unknown[];
      const examples = [...own, ...Object.values(named).map((each) => resolved(document, each)['value'])];
      if (what.includes('json') && !/json[a-z-]|-ndjson|jsonl/.test(what))
        expect(examples.length, what).toBeGreaterThan(0);
      const accepts = ajv.compile({ allOf: [schema], components: document.components });
      for (const example of examples) expect(accepts(example), `${what}: ${ajv.errorsText(accepts.errors)}`).toBe(true);
    }
  });

  it('names the errors of the catalogue, under their status', () => {
    for (const [status, response] of Object.entries(operation.responses).filter(([each]) => Number(each) >= 400))
      for (const [, { examples = {} }] of contentOf(response))
        for (const code of Object.keys(examples))
          expect(ERRORS[code as keyof typeof ERRORS].status).toBe(Number(status));
    expect(Object.keys(operation.responses).some((status) => Number(status) < 400)).toBe(true);
  });

  it('says who may ask', () => {
    expect(operation.security).toBeDefined();
    expect(operation).toHaveProperty('x-permission');
  });
});
