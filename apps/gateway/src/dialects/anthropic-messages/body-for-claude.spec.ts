import { FOREIGN_SEAL } from '@tollgate/conversation';
import { describe, expect, it } from 'vitest';
import { topLevelField } from '../../json-scan/last-field.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import { bodyForClaude } from './body-for-claude.js';

function sent(text: string): string {
  const body = Buffer.from(text);
  const model = topLevelField(body, Buffer.from('"model"')) ?? null;
  const messages = topLevelField(body, Buffer.from('"messages"')) ?? null;
  const cut = text.indexOf('"diagnostics"');
  const omitted = cut < 0 ? [] : [{ name: 'diagnostics', start: cut, end: text.indexOf('}', cut) + 1 }];
  const target = { model: 'claude', provider: { allowFields: new Set() } } as unknown as Target;
  return bodyForClaude(body, 'named', target, { model, messages, omitted }).toString();
}

const withMessages = (messages: string, model = 'named'): string =>
  `{ "n" : [1e400, 0.1000] , "model":"${model}","messages" : ${messages}, "temperature":1.0 }`;
const FOREIGN = `{"type":"thinking","thinking":"hm","signature":"${FOREIGN_SEAL}unsealed"}`;
const OWN = '{"type":"thinking","thinking":"hé","signature":"EqQB"}';
const USE = '{"type":"tool_use","id":"call_1","name":"f","input":{ "id":2512292042121000001 }}';
const USER = '{"role":"user","content": "hi"}';
const said = (content: string): string => `{ "role":"assistant", "content":${content} }`;

describe('the body for Claude', () => {
  it("has the caller's bytes but for the model", () => {
    expect(sent('{ "model" : "named",  "messages": [ ] }')).toBe('{ "model" : "claude",  "messages": [ ] }');
  });

  it('has no field that no provider is sent', () => {
    const messages = `[${said(`[${FOREIGN},${USE}]`)}]`;
    const text = withMessages(messages).replace('"messages"', '"diagnostics":{"previous_message_id":null},"messages"');
    expect(sent(text)).toBe(withMessages(`[${said(`[${USE}]`)}]`, 'claude'));
  });

  it.each([
    ['before and between others', `[${said(`[${FOREIGN},${OWN},${FOREIGN},${USE}]`)}]`, `[${said(`[${OWN},${USE}]`)}]`],
    ['at the end', `[${said(`[${USE} , ${FOREIGN}]`)}]`, `[${said(`[${USE}]`)}]`],
    ['alone in a message', `[${USER},${said(`[${FOREIGN}]`)},${USER}]`, `[${USER},${USER}]`],
    ['alone in the last message', `[${USER} , ${said(`[ ${FOREIGN} ]`)} ]`, `[${USER}]`],
  ])('has no thought of another maker %s, and all other bytes', (_place, messages, left) => {
    expect(sent(withMessages(messages))).toBe(withMessages(left, 'claude'));
  });

  it.each([
    ['as a string', `[{"role":"user","content":"what is ${FOREIGN_SEAL}?"}]`],
    ['in a block', `[{"role":"user","content":[{"type":"text","text":"${FOREIGN_SEAL}"}]}]`],
    ['beside an escape that JSON does not know', `[{"role":"user","content":"${FOREIGN_SEAL} \\q"}]`],
    [
      'in a thought with such an escape',
      `[${said(`[{"type":"thinking","thinking":"\\q","signature":"${FOREIGN_SEAL}"}]`)}]`,
    ],
    ['in no list of messages', `"${FOREIGN_SEAL}"`],
    [
      'in messages of another form',
      `["${FOREIGN_SEAL}", {"content":["${FOREIGN_SEAL}"]}, {"content":[]}]`.replaceAll(', ', ','),
    ],
  ])('has the text of the mark where it stands %s', (_place, messages) => {
    expect(sent(withMessages(messages))).toBe(withMessages(messages, 'claude'));
  });
});
