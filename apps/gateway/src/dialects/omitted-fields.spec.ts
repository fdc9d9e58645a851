import { sealedIdsFrom } from '@tollgate/sealing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InjectedFields } from '../providers/injected-fields.js';
import type { Target } from '../request-path/choose-route/route-table.js';
import type { Routed } from '../request-path/exchange/exchange.js';
import { isRefusal } from '../request-path/exchange/refusal.js';
import { translator } from './across/translator.js';
import { anthropicCountTokens } from './anthropic-count-tokens/anthropic-count-tokens.js';
import { anthropicMessages } from './anthropic-messages/anthropic-messages.js';
import type { Ask, UpstreamCall } from './ask.js';
import type { Dialect } from './dialect.js';
import type { DialectName } from './dialect-name.js';
import { openAiChat } from './openai-chat/openai-chat.js';
import { openAiResponses } from './openai-responses/openai-responses.js';

const CEILING: UpstreamCall = {
  holdNanoUsd: 1n,
  injectedMaxTokens: 7,
  ceilingLeftOut: false,
  fieldNames: null,
  injected: { ceiling: null, ceilingTokens: null, streamOptions: false },
};

function target(dialect: DialectName, ...allowFields: string[]): Target {
  return {
    model: 'sent',
    price: { maxOutputTokens: 4_096 },
    provider: {
      dialects: new Set([dialect]),
      allowFields: new Set(allowFields),
      injectedFields: new InjectedFields({ ceilingField: 'max_completion_tokens', streamOptions: true }),
    },
  } as unknown as Target;
}

const say = { messages: [{ role: 'user', content: 'hi' }] };
const CASES: readonly (readonly [Dialect, DialectName, object, string, unknown])[] = [
  [anthropicMessages, 'openai-chat', { ...say, max_tokens: 9 }, 'diagnostics', { previous_message_id: 'msg_1' }],
  [anthropicMessages, 'openai-chat', { ...say, max_tokens: 9 }, 'diagnostics', { previous_message_id: null }],
  [anthropicMessages, 'openai-chat', { ...say, max_tokens: 9 }, 'diagnostics', null],
  [anthropicCountTokens, 'openai-chat', say, 'diagnostics', { previous_message_id: 'msg_1' }],
  [openAiResponses, 'openai-chat', { input: 'hi' }, 'access_programs', ['trusted']],
  [openAiResponses, 'openai-chat', { input: 'hi' }, 'access_programs', {}],
  [openAiChat, 'anthropic-messages', say, 'usage', { include: true }],
  [openAiChat, 'anthropic-messages', say, 'usage', null],
];

function ask(dialect: Dialect, text: string): Ask {
  const made = dialect.read(Buffer.from(text));
  if (made instanceof Promise || isRefusal(made)) throw new Error(JSON.stringify(made));
  return made;
}
const sent = (made: Ask, to: Target): unknown => JSON.parse(made.bodyFor(to, { ...CEILING }).toString());

describe('a field that clients send as a matter of course', () => {
  it.each(CASES)('%# is cut out of the body wherever it stands, and told', (dialect, _other, rest, name, value) => {
    const to = target(dialect.name);
    const members = fc.shuffledSubarray(Object.entries({ model: 'm', ...rest, [name]: value }), {
      minLength: 2 + Object.keys(rest).length,
    });
    const spaces = fc.constantFrom(undefined, 1, '\t');
    const plain = JSON.stringify({ model: 'm', ...rest });
    fc.assert(
      fc.property(members, spaces, (entries, indent) => {
        const made = ask(dialect, JSON.stringify(Object.fromEntries(entries), null, indent));
        expect([made.others, made.leftOut(to)]).toEqual([[], [name]]);
        expect(sent(made, to)).toEqual(sent(ask(dialect, plain), to));
      }),
    );
  });

  it.each(CASES)('%# is sent where the entry of the provider allows it', (dialect, _other, rest, name, value) => {
    const to = target(dialect.name, name);
    const made = ask(dialect, JSON.stringify({ model: 'm', ...rest, [name]: value }));
    expect(made.leftOut(to)).toEqual([]);
    expect(sent(made, to)).toMatchObject({ [name]: value });
  });

  it.each(CASES.filter(([dialect]) => dialect !== anthropicCountTokens))(
    '%# is not carried to another dialect, and told there too',
    (dialect, other, rest, name, value) => {
      const made = ask(dialect, JSON.stringify({ model: 'm', ...rest, [name]: value }));
      const exchange = { ask: made, requestId: 'a', startedAtMs: 1_000 } as unknown as Routed;
      const to = target(other);
      const translation = translator(dialect, exchange, sealedIdsFrom({ pepper: 'the pepper of the test' }))(to);
      if (translation === null || isRefusal(translation)) throw new Error(JSON.stringify(translation));
      expect(translation.leftOut()).toEqual([name]);
      expect(translation.bodyFor(to, { ...CEILING }).toString()).not.toContain(name);
    },
  );

  it('may stand once', () => {
    const made = openAiChat.read(Buffer.from('{"model":"m","usage":{"include":true},"usage":1,"messages":[]}'));
    expect(made).toMatchObject({ kind: 'refusal', param: 'usage' });
  });
});
