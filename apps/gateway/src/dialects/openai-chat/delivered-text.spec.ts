import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textsOf, textsOfChoices } from './delivered-text.js';

const DATA = 'iVBORw0KGgo'.repeat(100);

/** Forms of a message or a delta, with the texts that each contains. */
const DELIVERED: readonly (readonly [what: string, delivered: unknown, texts: readonly string[]])[] = [
  ['content', { role: 'assistant', content: 'Hello' }, ['Hello']],
  ['the role alone', { role: 'assistant', content: '' }, []],
  ['nothing', { content: null, tool_calls: null, refusal: null }, []],
  [
    'content as parts',
    { content: [{ type: 'text', text: 'a' }, { type: 'refusal', refusal: 'b' }, 'c'] },
    ['a', 'b', 'c'],
  ],
  [
    'content of another kind',
    {
      content: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${DATA}` } }],
      images: [{ image_url: { url: DATA } }],
    },
    [],
  ],
  ['reasoning before its answer (DeepSeek)', { reasoning_content: 'think', content: '42' }, ['think', '42']],
  [
    'reasoning under two names (OpenRouter)',
    { reasoning: 'think', reasoning_details: [{ type: 'reasoning.text', text: 'think', signature: DATA }] },
    ['think'],
  ],
  [
    'reasoning as a summary (OpenRouter)',
    {
      reasoning_details: [
        { type: 'reasoning.summary', summary: 'short' },
        { type: 'reasoning.encrypted', data: DATA },
      ],
    },
    ['short'],
  ],
  [
    'reasoning as blocks (LiteLLM)',
    { reasoning_content: 'think', thinking_blocks: [{ type: 'thinking', thinking: 'think', signature: DATA }] },
    ['think'],
  ],
  [
    'reasoning within content (Mistral)',
    {
      content: [
        { type: 'thinking', thinking: [{ type: 'text', text: 'think' }] },
        { type: 'text', text: '42' },
      ],
    },
    ['think', '42'],
  ],
  ['reasoning (Ollama)', { thinking: 'think' }, ['think']],
  ['a refusal', { content: null, refusal: 'No.' }, ['No.']],
  [
    'calls of tools',
    {
      tool_calls: [
        { index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
        { id: 'call_2', type: 'custom', custom: { name: 'g', input: 'x' } },
      ],
    },
    ['f', '{"a":1}', 'g', 'x'],
  ],
  ['a piece of arguments', { tool_calls: [{ index: 0, function: { arguments: '{"a' } }] }, ['{"a']],
  ['arguments as an object', { tool_calls: [{ function: { name: 'f', arguments: { a: 1 } } }] }, ['f', '{"a":1}']],
  ['an old call of a function', { function_call: { name: 'f', arguments: '{}' } }, ['f', '{}']],
  ['speech', { audio: { id: 'audio_1', data: DATA, transcript: 'Hello', expires_at: 1 } }, ['Hello']],
  [
    'annotations',
    { content: 'a', annotations: [{ type: 'url_citation', url_citation: { url: 'https://a.example', title: 'A' } }] },
    ['a'],
  ],
];

describe('the texts that a message or a delta delivers', () => {
  it.each(DELIVERED)('with %s', (_what, delivered, texts) => expect(textsOf(delivered)).toEqual(texts));

  it('are none where it is none, and never a fault', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(Array.isArray(textsOf(value))).toBe(true);
        expect(Array.isArray(textsOfChoices(value))).toBe(true);
        for (const name of ['content', 'tool_calls', 'reasoning_details', 'audio', 'function_call', 'refusal'])
          expect(textsOf({ [name]: value }).every((text) => typeof text === 'string')).toBe(true);
      }),
    );
  });
});

describe('the texts of a completion', () => {
  it('are those of all its choices, and never framing, ids or log probabilities', () => {
    const logprobs = {
      content: [
        { token: ' a', logprob: -0.1, bytes: [32, 97], top_logprobs: [{ token: ' a', logprob: -1, bytes: [32, 97] }] },
      ],
    };
    expect(
      textsOfChoices({
        id: 'c',
        model: 'm',
        choices: [
          { index: 0, message: { content: 'a' }, logprobs },
          { index: 1, message: { content: 'b' } },
        ],
      }),
    ).toEqual(['a', 'b']);
    expect(
      textsOfChoices({
        choices: [
          { index: 0, delta: { content: 'a' }, logprobs },
          { index: 1, delta: { content: 'b' } },
        ],
      }),
    ).toEqual(['a', 'b']);
    expect(textsOfChoices({ choices: [{ index: 0, text: 'a', logprobs: null }] })).toEqual(['a']);
    expect(textsOfChoices({ choices: [] })).toEqual([]);
    expect(textsOfChoices({ error: { message: 'overloaded' } })).toEqual([]);
  });
});
