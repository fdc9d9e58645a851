import {
  anthropicMessages as messagesCodec,
  inference as inferenceCodec,
  openaiChat as chatCodec,
  openaiResponses as responsesCodec,
  type CallerCodec,
  reasons,
  type Conversation,
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

/** The sides of a target, in the order of `PROVIDERS`: all that a conversation in `caller` can be carried to. */
export function providerSides(caller: ConversationDialect, target: Target): readonly ProviderSide[] {
  return PROVIDERS.filter(({ dialect: { name } }) => name !== caller && speaks(target, name));
}

/**
 * The sides of a target in the order in which they are tried. Models of OpenAI that reason refuse tools in chat, and
 * keep their thoughts between the calls of tools only in Responses, so that is tried first for them.
 */
export function sidesFor(
  sides: readonly ProviderSide[],
  { tools }: Pick<Conversation, 'tools'>,
  { model }: Pick<Target, 'model'>,
): readonly ProviderSide[] {
  if (sides.length < 2 || tools.length === 0 || !reasons(model)) return sides;
  return [...sides].sort((a, b) => Number(b.hidesIds === true) - Number(a.hidesIds === true));
}
