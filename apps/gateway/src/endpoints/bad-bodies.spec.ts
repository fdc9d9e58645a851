import { ERRORS } from '@tollgate/errors';
import { describe, expect, it } from 'vitest';
import { isRefusal } from '../request-path/exchange/refusal.js';
import { ENDPOINTS } from './endpoints.js';

/** Fields that a good request of any endpoint has; each dialect passes over those that it does not need. */
const GOOD = {
  'openai-chat': '"messages":[{"role":"user","content":"hi"}]',
  'openai-completions': '"prompt":"hi"',
  'openai-embeddings': '"input":"hi"',
  'openai-responses': '"input":"hi"',
  'openai-responses-compact': '"input":"hi"',
  'anthropic-messages': '"max_tokens":5,"messages":[{"role":"user","content":"hi"}]',
  'anthropic-count-tokens': '"messages":[{"role":"user","content":"hi"}]',
  inference: '"prompt":"hi"',
} as const;
/** The field of each dialect with the ceiling of output tokens; null for none. */
const CEILINGS = {
  'openai-chat': 'max_completion_tokens',
  'openai-completions': 'max_tokens',
  'openai-embeddings': null,
  'openai-responses': 'max_output_tokens',
  'openai-responses-compact': null,
  'anthropic-messages': 'max_tokens',
  'anthropic-count-tokens': null,
  inference: 'max_output_tokens',
} as const;

const deep = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const MEGABYTE = 'x'.repeat(1024 * 1024);

/** Malformed for every endpoint. `$` stands for the fields of a good request besides `model`. */
const MALFORMED: readonly (readonly [what: string, body: string])[] = [
  ['nothing', ''],
  ['white space', ' \n'],
  ['a text', '"model"'],
  ['a list', '[{"model":"m",$}]'],
  ['null', 'null'],
  ['JSON that is cut off', '{"model":"m",$'],
  ['JSON that is cut off in a text', '{"model":"m'],
  ['two objects', '{"model":"m",$}{"model":"m",$}'],
  ['a comma too many', '{"model":"m",$,}'],
  ['single quotes', "{'model':'m'}"],
  ['a form', 'model=m&stream=true'],
  ['markup', '<html></html>'],
  ['lists deeper than 64', `{"model":"m",$,"metadata":${deep(64)}}`],
  ['lists without end', `{"model":"m",$,"metadata":${'['.repeat(100_000)}`],
  ['a raw line end in a text', '{"model":"m\n",$}'],
  ['no model', '{$}'],
  ['a model of null', '{"model":null,$}'],
  ['a model that is a number', '{"model":7,$}'],
  ['a model that is a list', '{"model":["m"],$}'],
  ['an empty model', '{"model":"",$}'],
  ['a model with a NUL', '{"model":"m\\u0000",$}'],
  ['a model with half of a character', '{"model":"m\\ud800",$}'],
  ['a model of a megabyte', `{"model":"${MEGABYTE}",$}`],
  ['a model spelt twice', '{"model":"m","model":"n",$}'],
  ['a model spelt with escapes', '{"mod\\u0065l":"m",$}'],
  ['a model spelt in capitals', '{"Model":"m",$}'],
  ['a model spelt with escapes for the second time', '{"model":"m",$,"\\u006dodel":"n"}'],
  ['a name of a megabyte', `{"model":"m",$,"${MEGABYTE}":1}`],
  ['a name that is no UTF-8', '{"model":"m",$,"\u00ff":1}'],
];
const CEILING_VALUES = ['-1', '1e9', '"5"', '1.5', '[5]', '{}', 'true', '"many"', '99999999999999999999'];
const STREAM_VALUES = ['"yes"', '1', '{}', `"${MEGABYTE}"`];

describe.each(ENDPOINTS.map((endpoint) => [endpoint.name, endpoint] as const))(
  'a malformed body at %s',
  (_, { dialect }) => {
    const bodyOf = (text: string): Buffer => Buffer.from(text.replaceAll('$', GOOD[dialect.name]), 'latin1');
    const read = async (text: string) => dialect.read(bodyOf(text));

    it('is told apart from a good one', async () => {
      expect(isRefusal(await read('{"model":"m",$}'))).toBe(false);
      expect(isRefusal(await read(`{"model":"m",$,"user":${JSON.stringify(MEGABYTE)}}`))).toBe(false);
    });
    it.each(MALFORMED)('is 400 in the shape of its API: %s', async (_what, text) => {
      const refusal = await read(text);
      if (!isRefusal(refusal)) throw new Error('it was taken for a good one');
      expect(ERRORS[refusal.code].status).toBe(400);
      const { code, message, param } = refusal;
      const told = JSON.parse(dialect.errors.body(code, message, param, 'id').toString()) as {
        error: { message: string };
      };
      expect(told.error.message.length).toBeGreaterThan(0);
      expect(told.error.message.length).toBeLessThan(1_000);
    });
    it('is 400 and names the field: a ceiling that is none, or whether to stream', async () => {
      const ceiling = CEILINGS[dialect.name];
      const good = GOOD[dialect.name].replace('"max_tokens":5,', '');
      const values = ceiling === null ? [] : CEILING_VALUES.map((value) => [ceiling, value] as const);
      for (const [name, value] of values) {
        const refusal = await dialect.read(Buffer.from(`{"model":"m","${name}":${value},${good}}`));
        expect(refusal, `${name}: ${value}`).toMatchObject({ kind: 'refusal', code: 'invalid_request', param: name });
      }
      if (ceiling === null) return;
      for (const value of STREAM_VALUES) {
        const refusal = await read(`{"model":"m",$,"stream":${value}}`);
        expect(refusal, `stream: ${value.slice(0, 20)}`).toMatchObject({ code: 'invalid_request', param: 'stream' });
      }
    });
  },
);
