import type { FieldNote } from '@tollgate/conversation';
import { describe, expect, it } from 'vitest';
import { isRefusal } from '../../request-path/exchange/refusal.js';
import { anthropicMessages } from '../anthropic-messages/anthropic-messages.js';
import type { Dialect } from '../dialect.js';
import { openAiChat } from '../openai-chat/openai-chat.js';
import { openAiResponses } from '../openai-responses/openai-responses.js';
import { callerSide } from './sides.js';

/** What a body has at least. */
const BODIES: readonly (readonly [Dialect, object])[] = [
  [openAiChat, { model: 'm', messages: [] }],
  [openAiResponses, { model: 'm', input: 'hi' }],
  [anthropicMessages, { model: 'm', messages: [], max_tokens: 1 }],
];
/** Values that are well-formed where an object is not. */
const VALUES: Readonly<Record<string, unknown>> = {
  background: true,
  conversation: 'conv_1',
  max_tool_calls: 1,
  n: 2,
  previous_response_id: 'resp_1',
  prompt: { id: 'pmpt_1' },
  service_tier: 'auto',
};

/** The top-level fields that a dialect's notes name, each once. A note about one value of a field is not among them. */
function topLevelNotes(dialect: Dialect): readonly FieldNote[] {
  const codec = callerSide(dialect)!.codec;
  return [...codec.harmless, ...codec.refused].filter(({ field }) => /^[a-z_]+$/.test(field));
}

describe.each(BODIES.map(([dialect, body]) => [dialect.name, dialect, body] as const))('%s', (_name, dialect, body) => {
  it.each(topLevelNotes(dialect).map((note) => [note.field, note] as const))(
    'tells whether a field is refused for every key: %s',
    async (field, { isRefusedAlways = false }) => {
      const ask = await dialect.read(Buffer.from(JSON.stringify({ ...body, [field]: VALUES[field] ?? {} })));
      const isRefused = isRefusal(ask) || ask.others.some(({ name, use }) => name === field && use === 'elsewhere');
      expect(isRefused).toBe(isRefusedAlways);
    },
  );
});
