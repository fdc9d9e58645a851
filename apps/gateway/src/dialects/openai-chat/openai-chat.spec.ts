import { describe, expect, it } from 'vitest';
import { STEP_BYTES } from '../request-scan/body-scan.js';
import { openAiChat } from './openai-chat.js';

const read = (fields: object) =>
  openAiChat.read(Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...fields })));

describe('a malformed chat request', () => {
  it.each([
    [{ max_tokens: 0 }, 'max_tokens'],
    [{ max_tokens: -1 }, 'max_tokens'],
    [{ max_tokens: '5' }, 'max_tokens'],
    [{ max_tokens: 1e9 }, 'max_tokens'],
    [{ max_tokens: true }, 'max_tokens'],
    [{ max_tokens: [5] }, 'max_tokens'],
    [{ max_completion_tokens: 1.5 }, 'max_completion_tokens'],
    [{ max_completion_tokens: {} }, 'max_completion_tokens'],
    [{ max_tokens: 5, max_completion_tokens: -5 }, 'max_completion_tokens'],
    [{ n: 129 }, 'n'],
    [{ n: 0 }, 'n'],
    [{ n: -1 }, 'n'],
    [{ n: '2' }, 'n'],
  ])('is refused before anybody looks at the key: %j', async (fields, param) => {
    expect(read(fields)).toMatchObject({ kind: 'refusal', code: 'invalid_request', param });
    const large = { ...fields, user: 'x'.repeat(STEP_BYTES) };
    expect(await read(large)).toMatchObject({ kind: 'refusal', code: 'invalid_request', param });
  });
  it('is none where these are absent, null or whole numbers within bounds', () => {
    for (const fields of [{}, { max_tokens: null, n: null }, { max_tokens: 1, max_completion_tokens: 1e7, n: 128 }])
      expect(read(fields)).toHaveProperty('model', 'm');
  });
});
