import { describe, expect, it } from 'vitest';
import { plainReply, requestBody, STREAM_CHUNKS, streamPortions } from './bodies.js';
import { scenarios, scenariosNamed } from './scenarios.js';

describe('what is sent', () => {
  it('is JSON of exactly the size that its scenario names, with a ceiling wherever there is output', () => {
    const ceilings = { chat: 'max_tokens', messages: 'max_tokens', responses: 'max_output_tokens', embeddings: null };
    for (const scenario of scenarios) {
      const body = requestBody(scenario);
      expect(body.length, scenario.name).toBe(scenario.bodyBytes);
      const ceiling = ceilings[scenario.speaks];
      expect(JSON.parse(body.toString())).toMatchObject({
        model: scenario.upstreamReply,
        ...(ceiling !== null && { [ceiling]: 128 }),
      });
    }
  });

  it.each([
    ['chat', 1_024, { usage: { prompt_tokens: 250, completion_tokens: 64 } }],
    ['messages', 1_024, { stop_reason: 'end_turn', usage: { input_tokens: 250, output_tokens: 64 } }],
    ['responses', 1_024, { status: 'completed', usage: { input_tokens: 250, output_tokens: 64 } }],
    ['embeddings', 8_335, { data: [{ object: 'embedding' }], usage: { prompt_tokens: 250 } }],
  ] as const)('is answered in %s with %i bytes that report their usage', (dialect, bytes, fields) => {
    const reply = plainReply(dialect);
    expect(reply.length).toBe(bytes);
    expect(JSON.parse(reply.toString())).toMatchObject(fields);
  });

  it.each([
    ['chat', /"content":" word/g, '"usage":{"prompt_tokens"', 'e\r\ndata: [DONE]\n\n\r\n'],
    ['messages', /"text":" word/g, '"usage":{"input_tokens"', 'data: {"type":"message_stop"}\n\n\r\n'],
  ] as const)(
    'has 64 chunks of content in a stream of %s, and the same bytes in bursts or one by one',
    (dialect, content, usage, end) => {
      const [bursts, paced] = [streamPortions(dialect, false), streamPortions(dialect, true)];
      expect([bursts.length, paced.length]).toEqual([8, STREAM_CHUNKS]);
      expect(Buffer.concat(bursts)).toEqual(Buffer.concat(paced));
      const text = Buffer.concat(paced).toString();
      expect(text.match(content)).toHaveLength(STREAM_CHUNKS);
      expect(text).toContain(usage);
      expect(text.endsWith(end)).toBe(true);
    },
  );
});

describe('scenarios', () => {
  it('are chosen by name; refused is both kinds of it', () => {
    expect(scenariosNamed(['refused', 'chat-1k']).map(({ name }) => name)).toEqual([
      'chat-1k',
      'refused',
      'refused-form',
    ]);
    expect(() => scenariosNamed(['chat-2k'])).toThrow('unknown scenario: chat-2k. There are chat-1k,');
  });
  it('have a floor with the same body and answer', () => {
    for (const scenario of scenarios) {
      const floor = scenarios.find(({ name }) => name === scenario.floor)!;
      expect(floor).toMatchObject({
        bodyBytes: scenario.bodyBytes,
        upstreamReply: scenario.upstreamReply,
        floor: floor.name,
      });
    }
  });
});
