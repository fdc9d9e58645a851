import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Span } from '../../json-scan/json-tokens.js';
import { lastField } from '../../json-scan/last-field.js';
import { BodyScan, STEP_BYTES } from '../request-scan/body-scan.js';
import { CHAT_FIELDS, scanBody, scanBodyInSteps, type ChatFields } from './chat-fields.js';
import { valueAt } from '../../json-scan/values.js';

const scan = (text: string) => scanBody(Buffer.from(text));
const textOf = (text: string, span: Span | null): string | null =>
  span === null ? null : Buffer.from(text).toString('utf8', span.start, span.end);

describe('the scan of a body', () => {
  it('finds the fields it knows, wherever they stand', () => {
    const text =
      ' {"messages":[{"content":"say \\"model\\": {}"}] , "model" : "a-model","n":2,"stream":true, "max_tokens":null }\n';
    const fields = scan(text) as ChatFields;
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
    [
      `{"${[...'max_completion_tokens'].map((letter) => `\\u00${letter.charCodeAt(0).toString(16)}`).join('')}":1}`,
      'max_completion_tokens',
    ],
    ['{"\\u006e":1,"x":{', 'n'],
  ])('calls a field of ours that is spelt twice, or with escapes, ambiguous: %s', (text, field) => {
    expect(scan(text)).toEqual({ kind: 'ambiguous', field });
  });
  it.each(['\\u4f60', 'a\\/b', '\\"model\\"', 'mode\\\\l', '\\ud83d\\ude00'])(
    'takes a name with escapes that is none of ours, however often: %s',
    (name) => {
      const fields = scan(`{"${name}":1,"model":"a","${name}":{"${name}":[2]}}`) as ChatFields;
      expect(textOf(`{"${name}":1,"model":"a"`, fields.model)).toBe('"a"');
    },
  );
  it.each(['\\x', '\\u12', 'mod\\el', '\\u{6d}odel'])(
    'calls a name whose escapes are none no JSON, for somebody may read it as one of ours: %s',
    (name) => {
      expect(scan(`{"model":"a","${name}":1}`)).toEqual({ kind: 'not_json', at: 13 });
    },
  );
  it('takes no raw control character inside a string, wherever it stands, and any outside that is white space', () => {
    for (let length = 0; length < 150; length++) {
      for (const before of ['', '\\', '"x":[{"y":"']) {
        const text = `{"a":"${'x'.repeat(length)}${before}`;
        for (const control of ['\t', '\n', '\0', '\u001f'])
          expect(scan(`${text}${control}${'z'.repeat(length % 7)}"}`), JSON.stringify(text + control)).toMatchObject({
            kind: 'not_json',
          });
        expect(scan(`{\t"a"\n:\r"${'x'.repeat(length)}\u007f \u0080\u00e9"\t}\n`)).not.toHaveProperty('kind');
      }
    }
  });
  it('tells JSON that is no object from what is no JSON', () => {
    for (const text of ['[]', '"x"', '12', 'null']) expect(scan(text)).toEqual({ kind: 'not_object' });
    for (const text of [
      '',
      '{',
      '{"a"}',
      '{"a":1,}',
      '{"a":[1,]}',
      '{"a":{"b":}}',
      "{'a':1}",
      '{"a":01}',
      '{"a":1} x',
      '{"a":"\n"}',
      '{"a":[1}',
      '{a:1}',
      '{"a":1 "b":2}',
      '{"a":"x',
      '{"a":[[]',
      '{"a":tru}',
    ]) {
      expect(scan(text), text).toMatchObject({ kind: 'not_json' });
    }
  });
  it('tells messages of plain text from those that nest', () => {
    const nested = (messages: unknown): boolean =>
      (scan(JSON.stringify({ messages, tools: [[[[]]]] })) as ChatFields).nestedMessages;
    for (const plain of [[], [{ role: 'user', content: 'hi [[[{' }], [{}, { content: null }]])
      expect(nested(plain), JSON.stringify(plain)).toBe(false);
    for (const deep of [
      [{ content: [] }],
      [{ content: {} }, { role: 'user' }],
      [{ content: [{ type: 'text' }] }],
      { a: { b: [] } },
    ])
      expect(nested(deep), JSON.stringify(deep)).toBe(true);
  });
  it('refuses nesting beyond all use', () => {
    expect(scan(`{"a":${'['.repeat(300)}${']'.repeat(300)}}`)).toMatchObject({ kind: 'not_json' });
  });
  it('agrees with JSON.parse on whatever JSON.stringify writes', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          // A value of `n` that is no count is refused, and so is the name with a sign beside it.
          fc.string().filter((name) => name.toLowerCase().replaceAll(/[^a-z]/g, '') !== 'n'),
          fc.jsonValue({ maxDepth: 4 }),
        ),
        fc.constantFrom(undefined, 1, 2),
        (value, indent) => {
          const object = { ...value, model: 'm' };
          const text = JSON.stringify(object, null, indent);
          const scanned = scan(text);
          return !('kind' in scanned) && textOf(text, scanned.model) === '"m"';
        },
      ),
    );
  });
  it('says of names that are spelt in any way what JSON.parse says of them', () => {
    const letter = fc.oneof(
      fc.constantFrom(...'modeln', '\\"', '\\/', '\\x', '\\u12', '温'),
      fc.constantFrom(...'model').map((each) => `\\u00${each.charCodeAt(0).toString(16)}`),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(letter, { maxLength: 6 }),
          fc.tuple(...[...'model'].map((each) => fc.constantFrom(each, `\\u00${each.charCodeAt(0).toString(16)}`))),
        ),
        (letters) => {
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
        },
      ),
      { numRuns: 3_000 },
    );
  });
  it('finds no object in any text that JSON.parse cannot read, but for what stands inside strings', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('{', '}', '[', ']', ',', ':', '"a"', '"b"', '1', '-0.5e3', 'true', 'null', ' '), {
          maxLength: 12,
        }),
        (parts) => {
          const text = parts.join('');
          let parsed: unknown;
          try {
            parsed = JSON.parse(text);
          } catch {
            return 'kind' in scan(text);
          }
          const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
          return isObject === !('kind' in scan(text));
        },
      ),
      { numRuns: 3_000 },
    );
  });
});

describe('a name that some reader could take for one of ours', () => {
  it.each<[string, string]>([
    ['"model":"a","MODEL":"b"', 'model'],
    ['"MODEL":"b","model":"a"', 'model'],
    ['"Model":"b"', 'model'],
    ['"moDEL":null', 'model'],
    ['"Max_Tokens":9', 'max_tokens'],
    ['"maxTokens":9', 'max_tokens'],
    ['"MaxCompletionTokens":9', 'max_completion_tokens'],
    ['"max-tokens":9', 'max_tokens'],
    ['"N":100', 'n'],
    ['"\\u004e":100', 'n'],
    ['"Stream":true', 'stream'],
    ['"ſtream":true', 'stream'],
    ['"\\u017ftream":true', 'stream'],
    ['"STREAM_OPTIONS":{}', 'stream_options'],
    ['"meſſages":[]', 'messages'],
    ['"max_toKens":1', 'max_tokens'],
    ['"max_to\\u212Aens":1', 'max_tokens'],
    ['"Service_Tier":"priority"', 'service_tier'],
    ['"Modalities":["audio"]', 'modalities'],
    ['"AUDIO":{}', 'audio'],
    ['"Web_Search_Options":{}', 'web_search_options'],
    ['"Tools":[]', 'tools'],
    ['"to\\u006fls":[]', 'tools'],
    ['"tools":[],"tools":[]', 'tools'],
    ['"service_tier":null,"service_tier":"priority"', 'service_tier'],
    ['"Models":["b"]', 'models'],
    ['"modelS":["b"]', 'models'],
    ['"mod\\u0065ls":["b"]', 'models'],
    ['"models":null,"models":["b"]', 'models'],
    ['"API_KEY":"b"', 'api_key'],
    ['"apiKey":"b"', 'api_key'],
    ['"api_Key":"b"', 'api_key'],
    ['"baseURL":"b"', 'base_url'],
    ['"apiBase":"b"', 'api_base'],
    ['"Provider":{}', 'provider'],
    ['"messages":[{"role":"user","Content":"b"}]', 'messages[0].content'],
    ['"messages":[{},{"content":"a","content":"b"}]', 'messages[1].content'],
    ['"messages":[{"content":[{"type":"image_url"}],"content":"b"}]', 'messages[0].content'],
    ['"messages":[{"c\\u006fntent":"b"}]', 'messages[0].content'],
    ['"messages":[{"Role":"user"}]', 'messages[0].role'],
    ['"messages":[{"content":[{"Type":"image_url"}]}]', 'messages[0].content[0].type'],
    ['"messages":[{"content":[{"type":"text","type":"image_url"}]}]', 'messages[0].content[0].type'],
    ['"messages":[{"content":[{},{"IMAGE_URL":{}}]}]', 'messages[0].content[1].image_url'],
    ['"messages":[{"content":[{"im\\u0061ge_url":{}}]}]', 'messages[0].content[0].image_url'],
    ['"messages":[{"content":[{"ſource":{}}]}]', 'messages[0].content[0].source'],
    ['"tools":[{"type":"function","Type":"web_search"}]', 'tools[0].type'],
    ['"tools":[{},{"t\\u0079pe":"web_search"}]', 'tools[1].type'],
  ])('is refused by the name of ours, wherever it stands: %s', (field, named) => {
    for (const text of [`{${field}}`, `{ ${field} ,"x":1}`, `{"x":[{}],${field}}`])
      expect(scan(text), text).toEqual({ kind: 'ambiguous', field: named });
  });
  it.each(
    ['temperature', 'Temperature', 'modeler', 'mode_l', 'message', 'user', 'n_', 'MAX_OUTPUT'].map((name) => [name]),
  )('is not one that every reader takes for another: %s', (name) => {
    expect(scan(`{"model":"a","${name}":1,"${name}":2}`)).toHaveProperty('model');
  });
  it('stands in the objects that we read, not deeper', () => {
    expect(
      scan(
        '{"model":"a","metadata":{"Model":1,"model":2,"MODEL":3},"messages":[{"tool_calls":[{"Content":1,"Type":2}],"content":[{"image_url":{"Type":1,"type":2}}]}]}',
      ),
    ).toHaveProperty('model');
  });
  it('is never the name that Go takes for a field of ours', () => {
    // The same letters in the spellings that Go's encoding/json takes as equal: ASCII case, the long s, the Kelvin
    // sign.
    const spellings: Record<string, string[]> = { s: ['s', 'S', 'ſ'], k: ['k', 'K', 'K'] };
    const ours = [
      'model',
      'messages',
      'stream',
      'stream_options',
      'max_tokens',
      'max_completion_tokens',
      'n',
      'tools',
      'models',
      'api_key',
      'service_tier',
    ];
    const spelt = fc
      .constantFrom(...ours)
      .chain((name) =>
        fc.tuple(
          fc.constant(name),
          fc.tuple(
            ...[...name].map((letter) => fc.constantFrom(...(spellings[letter] ?? [letter, letter.toUpperCase()]))),
          ),
        ),
      );
    fc.assert(
      fc.property(spelt, fc.boolean(), ([name, letters], escaped) => {
        const other = letters.join('');
        if (other === name) return;
        const written = escaped
          ? [...other].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')
          : other;
        expect(scan(`{"${written}":1}`)).toEqual({ kind: 'ambiguous', field: name });
      }),
      { numRuns: 500 },
    );
  });
});

describe('a name that cannot be read in one way', () => {
  const unseen = [
    '\\u0000',
    '\\u0001',
    '\\u001f',
    '\\b',
    '\\f',
    '\\n',
    '\\r',
    '\\t',
    '\u007f',
    '\\u007f',
    '\u0085',
    '\u00a0',
    '\\u00A0',
    '\u00ad',
    '\u180e',
    '\u200b',
    '\\u200b',
    '\u200d',
    '\u2028',
    '\u202e',
    '\u2060',
    '\u3000',
    '\u3164',
    '\ufeff',
    '\\ufeff',
    '\ufe0f',
    '\u{e0061}',
    '\u{e000}',
    '\uffff',
    '\\ud800',
    '\\udc00',
    '\\udc00\\ud800',
    '\\ud800x',
    '\\ud800\\ud800',
  ];
  const places = [
    ['', 'model'],
    ['model', ''],
    ['mo', 'del'],
    ['', ''],
    ['x', 'y'],
  ] as const;
  const objects = ['{@}', '{"a":[{}],@}', '{"messages":[{@}]}', '{"messages":[{"content":[{@}]}]}', '{"tools":[{@}]}'];
  it.each(unseen)('is refused for a character that cannot be seen, or is none: %j', (character) => {
    for (const object of objects) {
      for (const [before, behind] of places) {
        const name = `"${before}${character}${behind}"`;
        const text = object.replace('@', () => `${name}:1`);
        expect(scan(text), text).toEqual({ kind: 'odd_name', at: Buffer.from(text).lastIndexOf(name) });
      }
    }
  });
  it.each<[string, number[]]>([
    ['a byte that begins nothing', [0x80]],
    ['a byte that is none', [0xff]],
    ['a character that is cut off', [0xc5]],
    ['three bytes of four', [0xf0, 0x9f, 0x98]],
    ['a letter in more bytes than it takes', [0xc1, 0xad]],
    ['a letter in three bytes', [0xe0, 0x81, 0xad]],
    ['half of a pair', [0xed, 0xa0, 0x80]],
    ['beyond Unicode', [0xf4, 0x90, 0x80, 0x80]],
  ])('is refused where it is no UTF-8: %s', (_what, odd) => {
    for (const [before, behind] of places) {
      expect(
        scanBody(Buffer.concat([Buffer.from(`{"${before}`), Buffer.from(odd), Buffer.from(`${behind}":1}`)])),
      ).toEqual({ kind: 'odd_name', at: 1 });
    }
  });
  it.each([
    'model ',
    ' model',
    '\\u0020model',
    'm o d e l',
    'mod\u00e9l',
    'mode\u0301l',
    '\\u006d\\u006fde\\u0301l',
    '\uff4dodel',
    '\u24dcodel',
    '\u{1d426}odel',
    '\\ud835\\udc26odel',
    'MOD\u00c9L',
  ])('is refused for ours where it is that without its spaces or its accents, or in plain letters: %s', (name) => {
    for (const text of [`{"${name}":1}`, `{"model":"a","${name}":1}`])
      expect(scan(text), text).toEqual({ kind: 'ambiguous', field: 'model' });
  });
  it('takes characters of all scripts for what they are', () => {
    const names = [
      'été',
      '温度',
      '\\u6e29',
      'температура',
      'درجة',
      '\u{1f600}',
      '\\ud83d\\ude00',
      'der Ort',
      'x\u0302',
      'm\u043edel',
    ];
    expect(scan(`{"model":"a",${names.map((name) => `"${name}":1`).join()}}`)).toMatchObject({
      others: { length: names.length },
    });
  });
  it('may stand where names are the caller’s own', () => {
    expect(
      scan(
        '{"model":"a","metadata":{"model\\u0000":1," model":2},"response_format":{"\ufeff":1},"tools":[{"type":"function","function":{"parameters":{"\\ud800":{}}}}]}',
      ),
    ).toHaveProperty('model');
  });
});

describe('a name in letters that have ours as their capitals', () => {
  it.each([
    ['me\u00dfages', 'messages'],
    ['acce\u00df_token', 'access_token'],
    ['prov\u0131der', 'provider'],
    ['\u017ftream', 'stream'],
    ['max_to\u212Aens', 'max_tokens'],
  ])('is refused for ours: %s', (name, field) => {
    expect(scan(`{"${name}":1}`)).toEqual({ kind: 'ambiguous', field });
  });
  it('costs no more where it is of characters that are rare', () => {
    const body = Buffer.from(`{${'"\u{1d4d0}\u{1d4d1}\u{1f600}":null,'.repeat(100_000)}"model":"m"}`);
    expect(scanBody(body)).toHaveProperty('model');
    const long = Buffer.from(`{"${'\u{1d4d0}'.repeat(200)}":null,"model":"m"}`);
    expect(scanBody(long)).toHaveProperty('model');
  });
});

describe('fields that nobody knows', () => {
  const body = (count: number, value: unknown): string =>
    JSON.stringify({ model: 'm', ...Object.fromEntries(Array.from({ length: count }, (_, i) => [`x${i}`, value])) });
  it('are at most a thousand, but for those that are null', () => {
    expect(scan(body(1_000, 1))).toMatchObject({ others: { length: 1_000 } });
    expect(scan(body(1_001, 1))).toEqual({ kind: 'many_unknown' });
    expect(scan(body(3_000, null))).toMatchObject({ others: [] });
  });
});

describe('a value of a field of ours', () => {
  it.each(['model', 'stream', 'stream_options', 'max_tokens', 'max_completion_tokens', 'n'])(
    'is refused unread where nobody means it: %s',
    (field) => {
      for (const value of [
        `{${Array.from({ length: 500 }, (_, i) => `"${i}":0`).join(',')}}`,
        `"${'x'.repeat(3_000)}"`,
        '1'.repeat(3_000),
      ])
        expect(scan(`{"${field}":${value}}`)).toEqual({ kind: 'too_long', field });
    },
  );
  it('has no number of thousands of digits, and no name a name of kilobytes', () => {
    expect(scan(`{"x":${'1'.repeat(4_000)}}`)).not.toHaveProperty('kind');
    expect(scan(`{"x":${'1'.repeat(5_000)}}`)).toMatchObject({ kind: 'not_json' });
    for (const text of [`{"${'x'.repeat(2_000)}":1}`, `{"messages":[{"${'x'.repeat(2_000)}":1}]}`])
      expect(scan(text)).toEqual({ kind: 'long_name' });
  });
});

describe('the scan of a large body', () => {
  const json = fc.jsonValue({ maxDepth: 6 });
  const bodies = fc.oneof(
    fc
      .record({
        model: fc.string(),
        messages: fc.oneof(
          json,
          fc.array(
            fc.record({
              role: json,
              content: fc.oneof(json, fc.array(fc.dictionary(fc.constantFrom('type', 'text', 'image_url'), json))),
            }),
          ),
        ),
        tools: json,
        x: json,
      })
      .map((body) => JSON.stringify(body)),
    fc
      .tuple(
        fc.constantFrom('{"a":"', '{"a\\\\', '{"messages":[{"content":"'),
        fc.array(fc.constantFrom('\\\\', '\\"', '"', 'x'.repeat(60), '\\', ' ', '\t', ':', '}', ',')),
        fc.constantFrom('"}', '":1}', '"}]}'),
      )
      .map(([head, parts, tail]) => head + parts.join('') + tail),
  );
  it('comes to the same, wherever it is left and gone on with', () => {
    fc.assert(
      fc.property(bodies, fc.integer({ min: 1, max: 90 }), (text, step) => {
        const bytes = Buffer.from(text);
        const inSteps = new BodyScan(bytes, CHAT_FIELDS);
        for (let limit = step; !inSteps.run(limit); limit = inSteps.at + step);
        const outcome = scanBody(bytes);
        // For invalid JSON, the fault tells the byte at which it was noticed.
        if ('kind' in outcome && outcome.kind === 'not_json')
          expect(inSteps.outcome).toMatchObject({ kind: 'not_json' });
        else expect(inSteps.outcome).toEqual(outcome);
      }),
      { numRuns: 3_000 },
    );
  });
  const MB = 2 ** 20;
  it.each<[string, string]>([
    ['names', `{"model":"m","messages":[{"x":[[{${'"0":0,'.repeat(MB / 2)}"0":0}]]},"image_url"]}`],
    ['top-level names', `{${'"0":null,'.repeat(MB / 3)}"model":"m"}`],
    ['top-level names beyond ASCII', `{${'"温é":null,'.repeat(MB / 3)}"model":"m"}`],
    ['one value of ours', `{"stream":{${'"0":0,'.repeat(MB / 2)}"0":0}}`],
    ['one text', `{"model":"m","x":"${'x'.repeat(3 * MB)}"}`],
    ['backslashes', `{"model":"m","x":"${'\\'.repeat(4 * MB)}"}`],
    ['escaped quotes', `{"model":"m","x":"${'\\"'.repeat(2 * MB)}"}`],
    ['white space', `{"model":"m",${' '.repeat(3 * MB)}"x":1}`],
    ['brackets', `{"model":"m","x":[${'[],'.repeat(MB)}[]]}`],
    ['parts', `{"model":"m","messages":[{"content":[${'{"type":"text","text":""},'.repeat(MB / 8)}{}]}]}`],
    ['a text without an end', `{"model":"m","x":"${'x'.repeat(3 * MB)}`],
  ])('leaves a turn to others after each step, whatever it is full of: %s', async (_what, text) => {
    const bytes = Buffer.from(text);
    const places = [0];
    const scan = new BodyScan(bytes, CHAT_FIELDS);
    while (!scan.run(scan.at + STEP_BYTES)) places.push(scan.at);
    for (const [i, place] of places.entries())
      if (i > 0) expect(place - places[i - 1]!).toBeLessThan(STEP_BYTES + 5_000);
    expect(places.length).toBeGreaterThan(8);
    let turns = 1;
    await scanBodyInSteps(bytes, () => Promise.resolve(void (turns += 1)));
    expect(turns).toBe(places.length);
  });
});

describe('the last field of a reply', () => {
  const last = (text: string): string | null | undefined => {
    const span = lastField(Buffer.from(text), Buffer.from('"usage"'));
    return span && textOf(text, span);
  };
  it('is found from the end, whatever stands before it', () => {
    expect(last('{"choices":[{"message":{"content":"say \\"usage\\": 1"}}],"usage":{"total_tokens":3}}')).toBe(
      '{"total_tokens":3}',
    );
    expect(last('{"usage" : {"a":[1]} , "id":"x","more":{"n":[{}]}}\n')).toBe('{"a":[1]}');
  });
  it('is found however far from the end it stands', () => {
    for (let length = 0; length < 600; length++)
      expect(last(`{"usage":7,"id":"${'u'.repeat(length)}"}`), String(length)).toBe('7');
  });
  it('is not told where it stands deeper, within text, or twice with one deeper', () => {
    for (const text of [
      '{"a":{"usage":1}}',
      '{"usage":1,"x_groq":{"usage":2}}',
      '{"a":"\\"usage"}',
      '{"a\\"usage":1}',
      '{}',
      '{"a":"usage"}',
      '{"usage":1',
      '{"usage":1}}',
      '{"usage":1]',
    ])
      expect(last(text), text).toBeUndefined();
  });
  it('is the field that JSON.parse finds', () => {
    const names = fc.constantFrom('usage', 'id', '"usage"', 'usage":', 'x');
    fc.assert(
      fc.property(
        fc.dictionary(names, fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.dictionary(names, fc.jsonValue()), names)),
        fc.constantFrom(undefined, 1),
        (object, indent) => {
          const text = JSON.stringify(object, null, indent);
          const found = last(text);
          return found === undefined || JSON.stringify(JSON.parse(found!)) === JSON.stringify(object['usage']);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('the value at a span', () => {
  it('is what JSON.parse says', () => {
    const values = fc.oneof(
      fc.jsonValue(),
      fc.string(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer(),
      fc.constantFrom(0, 999_999_999_999_999, 1e15, 'a\u007f', '\u00e9', 'a\\b', '', 'x'.repeat(64), 'x'.repeat(65)),
    );
    fc.assert(
      fc.property(values, (value) => {
        const text = JSON.stringify(value);
        return (
          JSON.stringify(valueAt(Buffer.from(` ${text},`), { start: 1, end: 1 + Buffer.byteLength(text) })) === text
        );
      }),
      { numRuns: 2_000 },
    );
  });
  it('is undefined for strings that are no JSON', () => {
    expect(valueAt(Buffer.from('"a\\x"'), { start: 0, end: 5 })).toBeUndefined();
  });
});
