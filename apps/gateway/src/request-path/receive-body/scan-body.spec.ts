import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Span } from './json-tokens.js';
import { lastField } from './last-field.js';
import { BodyScan, scanBody, scanBodyInSteps, STEP_BYTES, type BodyFields } from './scan-body.js';
import { valueAt } from './values.js';

const scan = (text: string) => scanBody(Buffer.from(text));
const textOf = (text: string, span: Span | null): string | null => (span === null ? null : Buffer.from(text).toString('utf8', span.start, span.end));

describe('the scan of a body', () => {
  it('finds the fields it knows, wherever they stand', () => {
    const text = ' {"messages":[{"content":"say \\"model\\": {}"}] , "model" : "a-model","n":2,"stream":true, "max_tokens":null }\n';
    const fields = scan(text) as BodyFields;
    expect(textOf(text, fields.model)).toBe('"a-model"');
    expect(textOf(text, fields.n)).toBe('2');
    expect(textOf(text, fields.stream)).toBe('true');
    expect(textOf(text, fields.maxTokens)).toBe('null');
    expect(fields.streamOptions).toBeNull();
  });
  it('does not take nested fields for its own', () => {
    expect(scan('{"metadata":{"model":"x","stream":true}}')).toMatchObject({ model: null, stream: null });
  });
  it.each([
    ['{"model":"a","model":"b"}', 'model'],
    ['{"n":1,"n":1}', 'n'],
    ['{"mod\\u0065l":"a"}', 'model'],
    ['{"model":"a","\\u006dodel":"b"}', 'model'],
    ['{"\\u006Dodel":"b","model":"a"}', 'model'],
    ['{"max\\u005Ftokens":1}', 'max_tokens'],
    [`{"${[...'max_completion_tokens'].map((letter) => `\\u00${letter.charCodeAt(0).toString(16)}`).join('')}":1}`, 'max_completion_tokens'],
    ['{"\\u006e":1,"x":{', 'n'],
  ])('calls a field of ours that is spelt twice, or with escapes, ambiguous: %s', (text, field) => {
    expect(scan(text)).toEqual({ kind: 'ambiguous', field });
  });
  it.each(['\\u4f60', 'a\\/b', '\\"model\\"', 'mode\\\\l', '\\tmodel', '\\u004dodel', 'model\\u0000', '\\ud83d\\ude00', '\\ud83d'])('takes a name with escapes that is none of ours, however often: %s', (name) => {
    const fields = scan(`{"${name}":1,"model":"a","${name}":{"${name}":[2]}}`) as BodyFields;
    expect(textOf(`{"${name}":1,"model":"a"`, fields.model)).toBe('"a"');
  });
  it.each(['\\x', '\\u12', 'mod\\el', '\\u{6d}odel'])('calls a name whose escapes are none no JSON, for somebody may read it as one of ours: %s', (name) => {
    expect(scan(`{"model":"a","${name}":1}`)).toEqual({ kind: 'not_json', at: 13 });
  });
  it('takes no raw control character inside a string, wherever it stands, and any outside that is white space', () => {
    for (let length = 0; length < 150; length++) {
      for (const before of ['', '\\', '"x":[{"y":"']) {
        const text = `{"a":"${'x'.repeat(length)}${before}`;
        for (const control of ['\t', '\n', '\0', '\u001f']) expect(scan(`${text}${control}${'z'.repeat(length % 7)}"}`), JSON.stringify(text + control)).toMatchObject({ kind: 'not_json' });
        expect(scan(`{\t"a"\n:\r"${'x'.repeat(length)}\u007f \u0080\u00e9"\t}\n`)).not.toHaveProperty('kind');
      }
    }
  });
  it('tells JSON that is no object from what is no JSON', () => {
    for (const text of ['[]', '"x"', '12', 'null']) expect(scan(text)).toEqual({ kind: 'not_object' });
    for (const text of ['', '{', '{"a"}', '{"a":1,}', '{"a":[1,]}', '{"a":{"b":}}', "{'a':1}", '{"a":01}', '{"a":1} x', '{"a":"\n"}', '{"a":[1}', '{a:1}', '{"a":1 "b":2}', '{"a":"x', '{"a":[[]', '{"a":tru}']) {
      expect(scan(text), text).toMatchObject({ kind: 'not_json' });
    }
  });
  it('tells messages of plain text from those that nest', () => {
    const nested = (messages: unknown): boolean => (scan(JSON.stringify({ messages, tools: [[[[]]]] })) as BodyFields).nestedMessages;
    for (const plain of [[], [{ role: 'user', content: 'hi [[[{' }], [{}, { content: null }]]) expect(nested(plain), JSON.stringify(plain)).toBe(false);
    for (const deep of [[{ content: [] }], [{ content: {} }, { role: 'user' }], [{ content: [{ type: 'text' }] }], { a: { b: [] } }]) expect(nested(deep), JSON.stringify(deep)).toBe(true);
  });
  it('refuses nesting beyond all use', () => {
    expect(scan(`{"a":${'['.repeat(300)}${']'.repeat(300)}}`)).toMatchObject({ kind: 'not_json' });
  });
  it('agrees with JSON.parse on whatever JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), fc.constantFrom(undefined, 1, 2), (value, indent) => {
        const object = { ...value, model: 'm' };
        const text = JSON.stringify(object, null, indent);
        const scanned = scan(text);
        return !('kind' in scanned) && textOf(text, scanned.model) === '"m"';
      }),
    );
  });
  it('says of names that are spelt in any way what JSON.parse says of them', () => {
    const letter = fc.oneof(fc.constantFrom(...'modeln', '\\"', '\\/', '\\n', '\\x', '\\u12', 'é'), fc.constantFrom(...'model').map((each) => `\\u00${each.charCodeAt(0).toString(16)}`));
    fc.assert(
      fc.property(fc.oneof(fc.array(letter, { maxLength: 6 }), fc.tuple(...[...'model'].map((each) => fc.constantFrom(each, `\\u00${each.charCodeAt(0).toString(16)}`)))), (letters) => {
        const spelt = letters.join('');
        const scanned = scan(`{"${spelt}":"a"}`);
        let name: unknown;
        try {
          [name] = Object.keys(JSON.parse(`{"${spelt}":"a"}`) as object);
        } catch {
          return 'kind' in scanned && scanned.kind === 'not_json';
        }
        if (name === spelt || (name !== 'model' && name !== 'n')) return !('kind' in scanned);
        return 'kind' in scanned && scanned.kind === 'ambiguous' && scanned.field === name;
      }),
      { numRuns: 3_000 },
    );
  });
  it('finds no object in any text that JSON.parse cannot read, but for what stands inside strings', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('{', '}', '[', ']', ',', ':', '"a"', '"b"', '1', '-0.5e3', 'true', 'null', ' '), { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        let parsed: unknown;
        try {
          parsed = JSON.parse(text);
        } catch {
          return 'kind' in scan(text);
        }
        const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
        return isObject === !('kind' in scan(text));
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('the last field of a reply', () => {
  const last = (text: string): string | null | undefined => {
    const span = lastField(Buffer.from(text), Buffer.from('"usage"'));
    return span && textOf(text, span);
  };
  it('is found from the end, whatever stands before it', () => {
    expect(last('{"choices":[{"message":{"content":"say \\"usage\\": 1"}}],"usage":{"total_tokens":3}}')).toBe('{"total_tokens":3}');
    expect(last('{"usage" : {"a":[1]} , "id":"x","more":{"n":[{}]}}\n')).toBe('{"a":[1]}');
  });
  it('is found however far from the end it stands', () => {
    for (let length = 0; length < 600; length++) expect(last(`{"usage":7,"id":"${'u'.repeat(length)}"}`), String(length)).toBe('7');
  });
  it('is not told where it stands deeper, within text, or twice with one deeper', () => {
    for (const text of ['{"a":{"usage":1}}', '{"usage":1,"x_groq":{"usage":2}}', '{"a":"\\"usage"}', '{"a\\"usage":1}', '{}', '{"a":"usage"}', '{"usage":1', '{"usage":1}}', '{"usage":1]']) expect(last(text), text).toBeUndefined();
  });
  it('is the field that JSON.parse finds', () => {
    const names = fc.constantFrom('usage', 'id', '"usage"', 'usage":', 'x');
    fc.assert(
      fc.property(fc.dictionary(names, fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.dictionary(names, fc.jsonValue()), names)), fc.constantFrom(undefined, 1), (object, indent) => {
        const text = JSON.stringify(object, null, indent);
        const found = last(text);
        return found === undefined || JSON.stringify(JSON.parse(found!)) === JSON.stringify(object['usage']);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the value at a span', () => {
  it('is what JSON.parse says', () => {
    const values = fc.oneof(fc.jsonValue(), fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.constantFrom(0, 999_999_999_999_999, 1e15, 'a\u007f', '\u00e9', 'a\\b', '', 'x'.repeat(64), 'x'.repeat(65)));
    fc.assert(
      fc.property(values, (value) => {
        const text = JSON.stringify(value);
        return JSON.stringify(valueAt(Buffer.from(` ${text},`), { start: 1, end: 1 + Buffer.byteLength(text) })) === text;
      }),
      { numRuns: 2_000 },
    );
  });
  it('is undefined for strings that are no JSON', () => {
    expect(valueAt(Buffer.from('"a\\x"'), { start: 0, end: 5 })).toBeUndefined();
  });
});
