import { describe, expect, it } from 'vitest';
import { openai } from '../openai/openai.js';
import { compatible } from './compatible.js';

describe('a provider of OpenAI’s paths', () => {
  it.each([
    ['https://api.openai.com/v1', '/v1/chat/completions'],
    ['https://host/', '/chat/completions'],
    ['https://host/api/v1', '/api/v1/chat/completions'],
  ])('is asked at %s', (baseUrl, path) => {
    for (const type of [openai, compatible])
      expect(type.pathsOf({ baseUrl, apiVersion: null })('/chat/completions', 'm')).toBe(path);
  });
  it.each([
    ['https://api.openai.com/v1', 'max_completion_tokens', true],
    ['https://name.openai.azure.com/openai/v1', 'max_completion_tokens', true],
    ['https://api.groq.com/openai/v1', 'max_completion_tokens', true],
    ['https://api.mistral.ai/v1', 'max_tokens', false],
    ['https://api.mistral.ai.example/v1', 'max_tokens', true],
    ['http://127.0.0.1:8000/v1', 'max_tokens', true],
  ])('takes what its host is known for: %s', (baseUrl, ceilingField, streamOptions) => {
    expect(compatible.knownFields({ baseUrl })).toMatchObject({ ceilingField, streamOptions });
  });
  it.each([
    ['https://api.openai.com/v1', true],
    ['https://name.openai.azure.com/openai/v1', true],
    ['https://generativelanguage.googleapis.com/v1beta/openai', false],
    ['https://api.groq.com/openai/v1', false],
    ['http://127.0.0.1:8000/v1', false],
  ])('is sent what only OpenAI knows where its host is OpenAI’s or Azure’s: %s', (baseUrl, hints) => {
    expect(compatible.knownFields({ baseUrl }).hints === true).toBe(hints);
    expect(openai.knownFields({ baseUrl }).hints).toBe(true);
  });

  it.each([
    ['https://api.openai.com/v1', false, undefined],
    ['https://api.groq.com/openai/v1', false, undefined],
    ['https://api.cerebras.ai/v1', false, undefined],
    ['https://api.mistral.ai/v1', undefined, true],
    ['https://api.deepseek.com', true, undefined],
    ['https://api.moonshot.cn/v1', true, undefined],
    ['https://openrouter.ai/api/v1', undefined, undefined],
  ])('takes earlier thoughts and ids of calls as its host does, or else its model: %s', (baseUrl, thoughts, ids) => {
    const known = compatible.knownFields({ baseUrl });
    expect([known.earlierThoughts, known.mistralsCallIds]).toEqual([thoughts, ids]);
  });

  it('is taken for OpenAI where its entry says that it is a proxy in front of it', () => {
    const proxy = { baseUrl: 'http://litellm.internal:4000/v1' };
    expect(compatible.knownFields({ ...proxy, passesToOpenAi: true })).toEqual(openai.knownFields(proxy));
    for (const said of [{}, { passesToOpenAi: false }])
      expect(compatible.knownFields({ ...proxy, ...said })).toEqual({
        ceilingField: 'max_tokens',
        streamOptions: true,
      });
  });

  it('is asked for Responses only if its entry says that it serves them', () => {
    const config = { baseUrl: 'https://host/v1', apiVersion: null };
    expect([...compatible.dialectsOf(config)]).toEqual(['openai-chat', 'openai-completions', 'openai-embeddings']);
    expect(compatible.dialectsOf({ ...config, endpoints: ['responses'] }).has('openai-responses')).toBe(true);
    expect(compatible.dialectsOf({ ...config, endpoints: [] }).has('openai-responses')).toBe(false);
    expect(openai.dialectsOf(config).has('openai-responses-compact')).toBe(true);
  });
  it('is presumed to know what OpenAI knows where it is OpenAI, wherever it is reached', () => {
    expect(openai.knownFields({ baseUrl: 'http://127.0.0.1:8000/v1' }).ceilingField).toBe('max_completion_tokens');
  });
});
