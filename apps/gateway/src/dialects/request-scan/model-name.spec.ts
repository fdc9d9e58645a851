import { isLedgerText } from '@tollgate/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isModelName } from '@tollgate/access';
import { scanBody } from '../../dialects/openai-chat/chat-fields.js';
import { valueAt } from '../../json-scan/values.js';

const named = (body: Buffer): unknown => {
  const fields = scanBody(body);
  return 'kind' in fields || fields.model === null ? undefined : valueAt(body, fields.model);
};
/** A body whose `model` is a string, written exactly as given. */
const spelt = (text: string): Buffer => Buffer.from(`{"model":"${text}","max_tokens":5}`);

describe('the name of a model', () => {
  it.each([
    'm',
    'gpt-4o-mini',
    'meta-llama/Llama-3.1-8B-Instruct:free',
    'ft:gpt-4o:org::id',
    'two words',
    'Ünïcode',
    '模型',
    'نموذج',
    '👩‍👩‍👧',
    '\\ud83d\\ude00',
    '\u00a0',
    '\u2028',
    '\ufffd',
    '\u{10ffff}',
    'x'.repeat(200),
    '🙂'.repeat(200),
    '*',
    'constructor',
  ])('may be in any script, with any sign: %s', (text) => {
    const name = named(spelt(text));
    expect(name).toBe(JSON.parse(`"${text}"`));
    expect(isModelName(name)).toBe(true);
  });
  it.each([
    '',
    'x'.repeat(201),
    '🙂'.repeat(201),
    'w-\\u0000',
    '\\u0000',
    '\\n',
    'a\\tb',
    '\\u001f',
    '\\u007f',
    '\u007f',
    '\u0085',
    '\\u009f',
    '\\ud83d',
    '\\ude00',
    '\\ude00\\ud83d',
    'm\\ud800',
    '\\ud83d\\u0041',
    'm\\n',
  ])('is refused where the ledger could not hold it, or nobody could read it: %s', (text) => {
    expect(isModelName(named(spelt(text)))).toBe(false);
  });
  it.each(['1', 'null', 'true', '["m"]', '{"name":"m"}'])('is a string: %s', (value) => {
    expect(isModelName(named(Buffer.from(`{"model":${value}}`)))).toBe(false);
  });
  it('is a text that the ledger can hold, whatever bytes it came in', () => {
    const escape = fc.integer({ min: 0, max: 0xffff }).map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`);
    const odd = fc.constantFrom('\\u0000', '\\ud83d', '\\', '\\"', '"');
    const piece = fc.oneof(fc.string({ unit: 'binary' }), escape, odd);
    const bytes = fc.oneof(
      fc.array(piece, { maxLength: 6 }).map((pieces) => spelt(pieces.join(''))),
      fc
        .uint8Array({ maxLength: 8 })
        .map((each) => Buffer.concat([Buffer.from('{"model":"w-'), each, Buffer.from('"}')])),
    );
    let taken = 0;
    fc.assert(
      fc.property(bytes, (body) => {
        const name = named(body);
        if (!isModelName(name)) return true;
        taken += 1;
        return isLedgerText(name) && isLedgerText(JSON.parse(JSON.stringify(name)) as string);
      }),
      { numRuns: 3_000 },
    );
    expect(taken).toBeGreaterThan(100);
  });
});
