import { FOREIGN_SEAL } from '@tollgate/conversation';
import { describe, expect, it } from 'vitest';
import { bodyForClaude } from './body-for-claude.js';

function sent(text: string): string {
  const at = text.indexOf('"named"');
  return bodyForClaude(Buffer.from(text), 'named', 'claude', { model: { start: at, end: at + 7 } }).toString();
}

describe('the body for Claude', () => {
  it("has the caller's bytes but for the model", () => {
    expect(sent('{ "model" : "named",  "messages": [ ] }')).toBe('{ "model" : "claude",  "messages": [ ] }');
  });

  it('has no thoughts of other makers', () => {
    const thought = (signature: string): object => ({ type: 'thinking', thinking: 'hm', signature });
    const body = (content: readonly object[]): object => ({
      model: 'named',
      messages: [{ role: 'assistant', content }],
    });
    const text = JSON.stringify(body([thought(`${FOREIGN_SEAL}unsealed`), thought('EqQB')]));
    expect(JSON.parse(sent(text))).toEqual({ ...body([thought('EqQB')]), model: 'claude' });
  });
});
