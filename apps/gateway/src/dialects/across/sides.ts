import {
  anthropicMessages as messagesCodec,
  inference as inferenceCodec,
  openaiChat as chatCodec,
  openaiResponses as responsesCodec,
  type CallerCodec,
  type ConversationDialect,
} from '@tollgate/conversation';
import { anthropicMessages } from '../anthropic-messages/anthropic-messages.js';
import { speaks, type Target } from '../../request-path/choose-route/route-table.js';
import type { Dialect } from '../dialect.js';
import type { DialectName } from '../dialect-name.js';
import { openAiChat } from '../openai-chat/openai-chat.js';
import { openAiResponses } from '../openai-responses/openai-responses.js';
import type { CallerSide, ProviderSide } from './translation.js';

const CALLERS: Partial<Record<DialectName, CallerCodec>> = {
  'openai-chat': chatCodec,
  'openai-responses': responsesCodec,
  'anthropic-messages': messagesCodec,
  inference: inferenceCodec,
};

/**
 * The dialects of providers that requests are translated to. The first one counts that a provider speaks: chat is what
 * most servers know. Some models of OpenAI are served through Responses alone.
 */
const PROVIDERS: readonly ProviderSide[] = [
  { dialect: openAiChat, codec: chatCodec },
  { dialect: anthropicMessages, codec: messagesCodec },
  { dialect: openAiResponses, codec: responsesCodec, hidesIds: true },
];

/** The side of a caller's dialect; null if it holds no conversation, as embeddings. */
export function callerSide(dialect: Dialect): CallerSide | null {
  const codec = CALLERS[dialect.name];
  return codec === undefined ? null : { dialect, codec };
}

/** The side of a target; null if it speaks none of the dialects that a conversation in `caller` is carried to. */
export function providerSide(caller: ConversationDialect, target: Target): ProviderSide | null {
  return PROVIDERS.find(({ dialect: { name } }) => name !== caller && speaks(target, name)) ?? null;
}
