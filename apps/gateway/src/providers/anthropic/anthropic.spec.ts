import { describe, expect, it } from 'vitest';
import { compatible } from '../compatible/compatible.js';
import { openai } from '../openai/openai.js';
import { anthropic } from './anthropic.js';

const free = { isCapped: false, allowBetas: [] };
const capped = { isCapped: true, allowBetas: [] };
const CLIENT = [
  'Host',
  'x',
  'x-api-key',
  'secret',
  'Authorization',
  'Bearer y',
  'Cookie',
  'a=b',
  'Anthropic-Dangerous-X',
  '1',
];

describe('a provider of type anthropic', () => {
  it('has its paths below /v1, whether or not its base URL ends there', () => {
    for (const baseUrl of ['https://api.anthropic.com', 'https://api.anthropic.com/', 'https://api.anthropic.com/v1'])
      expect(anthropic.pathsOf({ baseUrl, apiVersion: null })('/messages', 'm')).toBe('/v1/messages');
    const relay = anthropic.pathsOf({ baseUrl: 'https://relay.example/anthropic', apiVersion: null });
    expect(relay('/messages/count_tokens', 'm')).toBe('/anthropic/v1/messages/count_tokens');
  });
  it('takes its credential in a header of its own, and always a version', () => {
    expect(anthropic.credentialHeaders('k')).toEqual(['x-api-key', 'k']);
    expect(anthropic.defaultHeaders).toEqual(['anthropic-version', '2023-06-01']);
  });
  it('is sent the version of the caller unchanged, and nothing else that the caller wrote', () => {
    expect(anthropic.callerHeaders([...CLIENT, 'Anthropic-Version', '2026-10-21'], capped)).toEqual({
      sent: ['anthropic-version', '2026-10-21'],
      leftOut: [],
    });
    expect(anthropic.callerHeaders(CLIENT, capped)).toBeNull();
  });
  it('is sent the beta features that Claude Code always asks for', () => {
    const asked =
      'claude-code-20250219,interleaved-thinking-2025-05-14,redact-thinking-2026-02-12,context-management-2025-06-27,' +
      'prompt-caching-scope-2026-01-05,effort-2025-11-24,advisor-tool-2026-03-01,thinking-token-count-2026-05-13,' +
      'mid-conversation-system-2026-04-07,per-turn-control-2026-07-01,mid-conversation-tool-changes-2026-07-01,' +
      'inline-tools-2026-09-15,dangerous-tool-use-2026-09-03,thinking-display-updates-2026-08-18,' +
      'mid-conversation-output-config-2026-07-01,thinking-binding-controls-2026-08-01,message-threads-2026-08-12';
    expect(anthropic.callerHeaders([...CLIENT, 'anthropic-beta', asked], capped)).toEqual({
      sent: ['anthropic-version', '2023-06-01', 'anthropic-beta', asked],
      leftOut: [],
    });
  });
  it('is sent no feature that nobody knows for a key with a limit, and the reply names it', () => {
    const asked = ['anthropic-beta', 'dream-2027-01-01, effort-2025-11-24', 'Anthropic-Beta', 'pdfs-2024-09-25'];
    expect(anthropic.callerHeaders(asked, capped)).toEqual({
      sent: ['anthropic-version', '2023-06-01', 'anthropic-beta', 'effort-2025-11-24,pdfs-2024-09-25'],
      leftOut: ['anthropic-beta: dream-2027-01-01'],
    });
    expect(anthropic.callerHeaders(asked, free)).toMatchObject({
      sent: [
        expect.anything(),
        expect.anything(),
        'anthropic-beta',
        'dream-2027-01-01,effort-2025-11-24,pdfs-2024-09-25',
      ],
      leftOut: [],
    });
  });
  it.each([
    'fast-mode-2026-02-01',
    'context-1m-2025-08-07',
    'server-side-fallback-2026-06-01',
    'fallback-credit-2026-06-01',
    'Context-1M-2025-08-07',
  ])('needs the leave of its entry for a feature that can change the price or the model: %s', (beta) => {
    for (const context of [free, capped])
      expect(anthropic.callerHeaders(['anthropic-beta', `effort-2025-11-24, ${beta}`], context)).toEqual({
        header: 'anthropic-beta',
        value: beta,
      });
    for (const leave of [beta.toLowerCase(), `${beta.toLowerCase().replace(/\d{4}-\d\d-\d\d$/, '')}`])
      expect(anthropic.callerHeaders(['anthropic-beta', beta], { isCapped: true, allowBetas: [leave] })).toMatchObject({
        sent: expect.arrayContaining([beta]) as string[],
      });
    expect(
      anthropic.callerHeaders(['anthropic-beta', beta], {
        isCapped: true,
        allowBetas: [beta.toLowerCase().slice(0, 4)],
      }),
    ).toHaveProperty('value');
  });
});

describe('the headers of a caller', () => {
  const headers = [
    'OpenAI-Organization',
    'org-1',
    'openai-project',
    'p',
    'openai-beta',
    'a',
    'x-openai',
    'y',
    'origin',
    'z',
  ];
  it('that belong to OpenAI pass to OpenAI alone', () => {
    expect(openai.callerHeaders(headers, capped)).toEqual({
      sent: ['openai-organization', 'org-1', 'openai-project', 'p', 'openai-beta', 'a'],
      leftOut: [],
    });
    expect(openai.callerHeaders(CLIENT, capped)).toBeNull();
    expect(compatible.callerHeaders(headers, capped)).toBeNull();
    expect(anthropic.callerHeaders(headers, capped)).toBeNull();
  });
});
