import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Turn } from './conversation.js';
import {
  ANTHROPIC_CALL_IDS,
  ANTHROPIC_TOOL_NAMES,
  ANTHROPIC_USERS,
  MISTRAL_CALL_IDS,
  OPENAI_CHAT_CALL_IDS,
  OPENAI_RESPONSES_CALL_IDS,
  OPENAI_TOOL_NAMES,
  OPENAI_USERS,
  callIds,
  fittingId,
  toolNames,
} from './names.js';

const RULES = [
  { rule: OPENAI_TOOL_NAMES, lengthMax: 64, pattern: /^[a-zA-Z0-9_-]+$/ },
  { rule: ANTHROPIC_TOOL_NAMES, lengthMax: 128, pattern: /^[a-zA-Z0-9_-]+$/ },
];
const ID_RULES = [
  { rule: ANTHROPIC_CALL_IDS, lengthMax: Infinity, pattern: /^[a-zA-Z0-9_-]+$/ },
  { rule: OPENAI_CHAT_CALL_IDS, lengthMax: 40, pattern: /^[^]+$/ },
  { rule: MISTRAL_CALL_IDS, lengthMax: 9, pattern: /^[a-zA-Z0-9]{9}$/ },
  { rule: OPENAI_RESPONSES_CALL_IDS, lengthMax: 64, pattern: /^[^]+$/ },
];
const anyNames = fc.uniqueArray(
  fc.oneof(
    fc.string({ maxLength: 200 }),
    fc.stringMatching(/^[a-z:._-]{0,200}$/),
    fc.stringMatching(/^(long_name_){6,20}[a-z]$/),
  ),
  { maxLength: 30 },
);

describe('names of tools', () => {
  it.each(RULES)(
    'fit a rule of $lengthMax characters, stay apart, and are found again',
    ({ rule, lengthMax, pattern }) =>
      fc.assert(
        fc.property(anyNames, (names) => {
          const map = toolNames(
            names.map((name) => ({ name, custom: false })),
            rule,
          );
          const sent = names.map((name) => map.sent(name));
          expect(new Set(sent).size).toBe(names.length);
          sent.forEach((name, at) => {
            expect(name).toMatch(pattern);
            expect(name.length).toBeLessThanOrEqual(lengthMax);
            expect(map.original(name)).toBe(names[at]);
          });
        }),
      ),
  );
  it('that fit stay as they are, even if another name would become them', () => {
    const long = 'x'.repeat(80);
    const made = toolNames([{ name: long, custom: false }], OPENAI_TOOL_NAMES).sent(long);
    const both = toolNames(
      [long, made].map((name) => ({ name, custom: false })),
      OPENAI_TOOL_NAMES,
    );
    expect(both.sent(made)).toBe(made);
    expect(both.sent(long)).not.toBe(made);
    expect(both.original(both.sent(long))).toBe(long);
  });
  it('become the same in each request', () => {
    const long = `mcp__server__${'tool_'.repeat(20)}`;
    const alone = toolNames([{ name: long, custom: false }], OPENAI_TOOL_NAMES);
    const among = toolNames(
      [`${long}2`, 'a', long].map((name) => ({ name, custom: false })),
      OPENAI_TOOL_NAMES,
    );
    expect(among.sent(long)).toBe(alone.sent(long));
    expect(alone.sent(long)).toMatch(/^mcp__server__tool_/);
  });
  it('of a namespace are read well, unless another tool has that name', () => {
    const names = ['mail.search', 'web.search', 'web__search'];
    const map = toolNames(
      names.map((name) => ({ name, custom: false })),
      ANTHROPIC_TOOL_NAMES,
    );
    const [mail, web] = names.map((name) => map.sent(name));
    expect(mail).toBe('mail__search');
    expect(web).toMatch(/^web_search_[0-9a-f]{12}$/);
    expect(map.original('web__search')).toBe('web__search');
  });
  it('tell which ones are custom', () => {
    const long = 'p'.repeat(70);
    const map = toolNames(
      [
        { name: long, custom: true },
        { name: 'f', custom: false },
      ],
      OPENAI_TOOL_NAMES,
    );
    expect([map.isCustom(map.sent(long)), map.isCustom('f'), map.isCustom('unknown')]).toEqual([true, false, false]);
  });
});

describe('ids of calls', () => {
  it.each(ID_RULES)('fit $rule.refused up to $lengthMax, and stay apart', ({ rule, lengthMax, pattern }) =>
    fc.assert(
      fc.property(anyNames, (ids) => {
        const sent = ids.map(callIds(turnsOf(ids), rule));
        expect(new Set(sent).size).toBe(ids.length);
        for (const id of sent) {
          expect(id).toMatch(pattern);
          expect(id.length).toBeLessThanOrEqual(lengthMax);
        }
      }),
    ),
  );
  it('stay apart even if a caller takes the one that another would become', () => {
    const made = callIds(turnsOf(['call_1']), MISTRAL_CALL_IDS)('call_1');
    const ofBoth = callIds(turnsOf([made, 'call_1']), MISTRAL_CALL_IDS);
    expect(ofBoth(made)).toBe(made);
    expect(ofBoth('call_1')).toMatch(/^[0-9a-z]{9}$/);
    expect(ofBoth('call_1')).not.toBe(made);
  });
  it.each([
    ['functions.Bash:0', ANTHROPIC_CALL_IDS, /^functions_Bash_0_[0-9a-f]{12}$/],
    ['functions.Bash:0', OPENAI_CHAT_CALL_IDS, /^functions\.Bash:0$/],
    ['toolu_01A', OPENAI_RESPONSES_CALL_IDS, /^toolu_01A$/],
    ['a1B2c3D4e', MISTRAL_CALL_IDS, /^a1B2c3D4e$/],
    ['call_0fypS', MISTRAL_CALL_IDS, /^[0-9a-z]{9}$/],
    ['', MISTRAL_CALL_IDS, /^[0-9a-z]{9}$/],
    ['', ANTHROPIC_CALL_IDS, /^_[0-9a-f]{12}$/],
    ['a'.repeat(65), OPENAI_RESPONSES_CALL_IDS, /^a{51}_[0-9a-f]{12}$/],
  ])('%j becomes what the provider takes', (id, rule, expected) =>
    expect(callIds(turnsOf([id]), rule)(id)).toMatch(expected),
  );
});

describe('the name of a user', () => {
  const ofClaudeCode = JSON.stringify({ device_id: 'd'.repeat(64), account_uuid: 'a'.repeat(36), session_id: 's1' });
  it.each([
    ['user_1', OPENAI_USERS, /^user_1$/],
    ['user_1', ANTHROPIC_USERS, /^user_1$/],
    [ofClaudeCode, OPENAI_USERS, /^\{"device_id":"d{37}_[0-9a-f]{12}$/],
    ['jane@example.com', OPENAI_USERS, /^jane@example\.com$/],
    ['jane@example.com', ANTHROPIC_USERS, /^jane_example_com_[0-9a-f]{12}$/],
  ])('%j becomes what the provider takes', (user, rule, expected) => {
    expect(fittingId(user, rule)).toMatch(expected);
    expect(fittingId(user, rule).length).toBeLessThanOrEqual(rule.lengthMax);
  });

  it('differs for two sessions', () =>
    expect(fittingId(ofClaudeCode, OPENAI_USERS)).not.toBe(fittingId(ofClaudeCode.replace('s1', 's2'), OPENAI_USERS)));
});

function turnsOf(ids: readonly string[]): readonly Turn[] {
  return [
    {
      role: 'assistant',
      parts: ids.map((id) => ({ kind: 'tool_call', id, name: 'f', input: '{}', custom: false })),
    },
    { role: 'tool', results: ids.map((callId) => ({ callId, parts: [], isError: false, custom: false })) },
  ];
}
