import { describe, expect, it } from 'vitest';
import type { JsonObject } from './dialect-codec.js';
import { parametersFor, strictFor } from './openai-schemas.js';

const TEXT = { type: 'string' };
const strictObject = (properties: JsonObject, more: JsonObject = {}): JsonObject => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
  ...more,
});

describe('the parameters of a function', () => {
  it.each<[string, JsonObject | null, JsonObject]>([
    ['no schema', null, { type: 'object', properties: {} }],
    ['an empty schema', {}, { type: 'object', properties: {} }],
    ['an object of which nothing is said', { type: 'object' }, { type: 'object', properties: {} }],
    ['null as its properties', { type: 'object', properties: null }, { type: 'object', properties: {} }],
    [
      'no properties beside other words',
      { type: 'object', additionalProperties: false, description: 'Nothing.' },
      { type: 'object', properties: {}, additionalProperties: false, description: 'Nothing.' },
    ],
    ['properties without a type', { properties: { a: TEXT } }, { type: 'object', properties: { a: TEXT } }],
    ['all that it needs', strictObject({ a: TEXT }), strictObject({ a: TEXT })],
    ['another schema', { $ref: '#/$defs/a', $defs: {} }, { $ref: '#/$defs/a', $defs: {} }],
    ['one of two schemas', { anyOf: [strictObject({})] }, { anyOf: [strictObject({})] }],
  ])('are of an object with properties, from %s', (_what, given, expected) =>
    expect(parametersFor(given)).toEqual(expected),
  );
});

describe('a strict schema', () => {
  const strictness = (schema: JsonObject): readonly [boolean | null, readonly string[]] => {
    const leftOut = new Set<string>();
    return [strictFor({ strict: true, schema, field: 'format' }, leftOut), [...leftOut]];
  };

  it.each<[string, JsonObject]>([
    ['an object without properties', { type: 'object', additionalProperties: false }],
    ['an object that requires all it has', strictObject({ a: TEXT, b: { type: ['string', 'null'] } })],
    ['an object in an object', strictObject({ a: strictObject({ b: TEXT }) })],
    ['objects in a list', strictObject({ a: { type: 'array', items: strictObject({ b: TEXT }) } })],
    ['a choice', strictObject({ a: { anyOf: [strictObject({ b: TEXT }), { type: 'null' }] } })],
    ['a reference', strictObject({ a: { $ref: '#/$defs/b' } }, { $defs: { b: strictObject({ c: TEXT }) } })],
    ['a property with the name of a word', strictObject({ not: TEXT, allOf: TEXT })],
  ])('stays strict: %s', (_what, schema) => expect(strictness(schema)).toEqual([true, []]));

  const loose = { type: 'object', properties: { a: TEXT }, additionalProperties: false };
  it.each<[string, JsonObject]>([
    ['a property that is not required', loose],
    ['other properties are allowed by silence', { type: 'object', properties: { a: TEXT }, required: ['a'] }],
    ['other properties are allowed', strictObject({ a: TEXT }, { additionalProperties: true })],
    ['other properties have a schema', strictObject({}, { additionalProperties: TEXT })],
    ['in an object', strictObject({ a: loose })],
    ['in a list', strictObject({ a: { type: 'array', items: loose } })],
    ['in a choice', strictObject({ a: { anyOf: [TEXT, loose] } })],
    ['in a definition', strictObject({ a: { $ref: '#/$defs/b' } }, { $defs: { b: loose } })],
    ['in an old definition', strictObject({ a: { $ref: '#/definitions/b' } }, { definitions: { b: loose } })],
    ['an object or null', strictObject({ a: { ...loose, type: ['object', 'null'] } })],
    ['an object without a type', strictObject({ a: { properties: {} } })],
    ['a schema for anything', strictObject({ a: {} })],
    ['a schema that is a truth', strictObject({ a: true })],
    ['all of several schemas', strictObject({ a: { type: 'object', allOf: [strictObject({})] } })],
    ['one of several schemas', strictObject({ a: { oneOf: [TEXT] } })],
    ['a list at the top', { type: 'array', items: TEXT }],
    ['a choice at the top', { anyOf: [strictObject({})] }],
  ])('is sent without the word, which is noted: %s', (_what, schema) =>
    expect(strictness(schema)).toEqual([null, ['format.strict']]),
  );

  it('is looked at however deeply it is nested', () => {
    let schema = strictObject({});
    for (let depth = 0; depth < 20_000; depth++) schema = strictObject({ a: schema });
    expect(strictness(schema)).toEqual([true, []]);
  });

  it('is only asked for by the caller', () => {
    const leftOut = new Set<string>();
    for (const strict of [null, false])
      expect(strictFor({ strict, schema: {}, field: 'format' }, leftOut)).toBe(strict);
    expect([...leftOut]).toEqual([]);
  });
});
