import { describe, expect, it } from 'vitest';
import { anthropicMessages } from '../../anthropic-messages/codec.js';
import { openaiChat } from '../../openai-chat/codec.js';
import { fileOf, translated } from './translated.js';
import { CHAT_TO_MESSAGES, MESSAGES_TO_CHAT } from './transcripts.js';

describe('transcripts', () => {
  it.each(MESSAGES_TO_CHAT)('of a client of Anthropic and a model behind chat: $name', async (transcript) => {
    await expect(translated(transcript, anthropicMessages, openaiChat)).toMatchFileSnapshot(
      fileOf('messages-to-chat', transcript),
    );
  });

  it.each(CHAT_TO_MESSAGES)('of a client of chat and Claude: $name', async (transcript) => {
    await expect(translated(transcript, openaiChat, anthropicMessages)).toMatchFileSnapshot(
      fileOf('chat-to-messages', transcript),
    );
  });
});
