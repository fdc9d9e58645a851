import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { eventSchemaWithout, fieldsFrom, fieldsOfKind, type EventFields, type FieldKind } from './event-fields.js';
import { USAGE_RECORDED_V1_FIELDS, usageRecordedV1 } from './usage-recorded.v1.js';
import { USAGE_RECORDED_V2_FIELDS, usageRecordedV2 } from './usage-recorded.v2.js';

const tables: readonly [name: string, table: EventFields, schema: z.ZodObject][] = [
  ['usage-recorded.v1', USAGE_RECORDED_V1_FIELDS, usageRecordedV1],
  ['usage-recorded.v2', USAGE_RECORDED_V2_FIELDS, usageRecordedV2],
];
const SOURCES = ['gateway', 'key', 'request', 'target', 'end'] as const;

const orNull = (schema: object) => ({ anyOf: [schema, { type: 'null' }] });
const id = { type: 'string', minLength: 1, maxLength: 200 };
const amount = { type: 'string', pattern: '^(0|[1-9]\\d{0,18})$' };
/** What the JSON Schema of a field of each kind has at least. */
const SCHEMAS: Readonly<Record<FieldKind, object>> = {
  version: { type: 'number', const: expect.any(Number) },
  uuid: { type: 'string', format: 'uuid' },
  id,
  idOrNull: orNull(id),
  text: { type: 'string' },
  textOrNull: { type: ['string', 'null'] },
  word: { type: 'string', enum: expect.any(Array) },
  flag: { type: 'boolean' },
  count: { type: 'integer' },
  countOrNull: { anyOf: [expect.objectContaining({ type: 'integer' }), { type: 'null' }] },
  amount,
  amountOrNull: orNull(amount),
  moment: { type: 'string', format: 'date-time' },
  json: { type: 'array' },
  jsonOrNull: { anyOf: [expect.objectContaining({ type: 'array' }), { type: 'null' }] },
  jsonText: { type: 'array' },
};

describe.each(tables)('the table of %s', (event, table, schema) => {
  const names = Object.keys(table);
  const golden = JSON.parse(readFileSync(new URL(`./golden/${event}.json`, import.meta.url), 'utf8')) as object;
  const optional = names.filter((name) => table[name]!.optional);
  const first = names.filter((name) => !optional.includes(name));
  const usual = names.filter((name) => table[name]!.usual !== undefined);

  it('names the fields of the schema and of the golden event, in their order', () => {
    expect(Object.keys(schema.shape)).toEqual(names);
    expect(Object.keys(golden)).toEqual(first);
    expect(names.slice(0, first.length)).toEqual(first);
  });
  it.each(names)('calls %s what its schema says it is', (name) => {
    const { kind } = table[name]!;
    const shape = schema.shape[name] as z.ZodType;
    const found = z.toJSONSchema(shape);
    expect(shape.safeParse(undefined).success).toBe(optional.includes(name) || usual.includes(name));
    expect(found).toMatchObject(SCHEMAS[kind]);
    // A text is none of the kinds that are found by, counted, or of a closed list.
    if (kind === 'text') expect(Object.keys(found).sort()).toEqual(['$schema', 'type']);
  });
  it('finds the usual value where a field that has one is absent', () => {
    const short = Object.fromEntries(Object.entries(golden).filter(([name]) => !usual.includes(name)));
    const values = Object.fromEntries(usual.map((name) => [name, table[name]!.usual]));
    expect(schema.parse(short)).toEqual({ ...golden, ...values });
  });
  it('gives each field to one source', () => {
    const bySource = SOURCES.flatMap((source) => fieldsFrom(table, source).map((field) => field.name));
    expect([...bySource].sort()).toEqual([...names].sort());
  });
  it('says what is known before the end of the call', () => {
    const before = eventSchemaWithout(table, 'end');
    const ends = fieldsFrom(table, 'end').map((field) => field.name as string);
    expect(Object.keys(before.shape)).toEqual(names.filter((name) => !ends.includes(name)));
    expect(Object.keys(before.parse(golden))).toEqual(
      Object.keys(before.shape).filter((name) => !optional.includes(name)),
    );
  });
  it('finds fields by their kinds, in its order', () => {
    const moments = fieldsOfKind(table, 'moment', 'version');
    expect(moments).toEqual(names.filter((name) => ['moment', 'version'].includes(table[name]!.kind)));
  });
});
