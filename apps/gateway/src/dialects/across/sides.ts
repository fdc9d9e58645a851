import {
  anthropicMessages,
  openaiChat,
  openaiResponses,
  type ConversationDialect,
  type DialectCodec,
} from '@tollgate/conversation';
import type { Dialect } from '../dialect.js';
import type { DialectName } from '../dialect-name.js';
import { openAiChat } from '../openai-chat/openai-chat.js';
import type { Side } from './translation.js';

const CODECS: Partial<Record<DialectName, DialectCodec>> = {
  'openai-chat': openaiChat,
  'openai-responses': openaiResponses,
  'anthropic-messages': anthropicMessages,
};

/**
 * The dialects of providers that requests are translated to. The first one counts that a provider speaks: chat is what
 * most servers know.
 */
const SPOKEN: readonly Dialect[] = [openAiChat];

/** The side of a dialect; null if it holds no conversation, as embeddings. */
export function sideOf(dialect: Dialect): Side | null {
  const codec = CODECS[dialect.name];
  return codec === undefined ? null : { dialect, codec };
}

/** The side of a provider; null if it speaks none of the dialects that a conversation in `caller` is carried to. */
export function spokenBy(caller: ConversationDialect, dialects: ReadonlySet<DialectName>): Side | null {
  const dialect = SPOKEN.find(({ name }) => name !== caller && dialects.has(name));
  return dialect === undefined ? null : sideOf(dialect);
}
