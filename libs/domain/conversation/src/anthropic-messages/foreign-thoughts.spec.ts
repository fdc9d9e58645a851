import { describe, expect, it } from 'vitest';
import { signatureOf, withoutForeignThoughts } from './foreign-thoughts.js';

const own = { type: 'thinking', thinking: 'hm', signature: 'EqQB' };
const others = [
  { type: 'thinking', thinking: 'hm', signature: signatureOf(null) },
  { type: 'thinking', thinking: '', signature: signatureOf({ maker: 'openai', kind: 'encrypted', data: 'gAAA' }) },
];
const use = { type: 'tool_use', id: 'call_1', name: 'f', input: {} };
const user = { role: 'user', content: 'hi' };

describe('withoutForeignThoughts', () => {
  it('leaves out what other models thought, and nothing else', () => {
    const request = {
      model: 'm',
      context_management: {},
      messages: [
        user,
        { role: 'assistant', content: [...others, own, use] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_1' }] },
        { role: 'assistant', content: others },
        user,
      ],
    };
    expect(withoutForeignThoughts(request)).toEqual({
      ...request,
      messages: [user, { role: 'assistant', content: [own, use] }, request.messages[2], user],
    });
  });

  it('keeps texts that speak of such a mark', () => {
    const request = { messages: [{ role: 'user', content: `what is ${signatureOf(null)}?` }] };
    expect(withoutForeignThoughts(request)).toEqual(request);
  });
});
