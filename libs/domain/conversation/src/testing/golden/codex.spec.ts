import { describe, expect, it } from 'vitest';
import { anthropicMessages } from '../../anthropic-messages/codec.js';
import { openaiChat } from '../../openai-chat/codec.js';
import { openaiResponses } from '../../openai-responses/codec.js';
import { CODEX_TO_CHAT, CODEX_TO_MESSAGES } from './codex-transcripts.js';
import { fileOf, translated } from './translated.js';

describe('transcripts', () => {
  it.each(CODEX_TO_CHAT)('of Codex and a model behind chat: $name', async (transcript) => {
    await expect(translated(transcript, openaiResponses, openaiChat)).toMatchFileSnapshot(
      fileOf('responses-to-chat', transcript),
    );
  });

  it.each(CODEX_TO_MESSAGES)('of Codex and Claude: $name', async (transcript) => {
    await expect(translated(transcript, openaiResponses, anthropicMessages)).toMatchFileSnapshot(
      fileOf('responses-to-messages', transcript),
    );
  });
});
