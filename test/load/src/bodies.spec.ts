import { describe, expect, it } from 'vitest';
import { plainReply, requestBody, STREAM_CHUNKS, streamPortions } from './bodies.js';
import { scenarios, scenariosNamed } from './scenarios.js';

describe('what is sent', () => {
  it('is JSON of exactly the size that its scenario names', () => {
    for (const scenario of scenarios) {
      const body = requestBody(scenario);
      expect(body.length, scenario.name).toBe(scenario.bodyBytes);
      expect(JSON.parse(body.toString())).toMatchObject({ model: scenario.upstreamReply, max_tokens: 128 });
    }
    expect(plainReply().length).toBe(1_024);
    expect(JSON.parse(plainReply().toString())).toMatchObject({ usage: { completion_tokens: 64 } });
  });

  it('has 64 chunks of content in a stream, in bursts or one by one, and the same bytes either way', () => {
    const [bursts, paced] = [streamPortions(false), streamPortions(true)];
    expect([bursts.length, paced.length]).toEqual([8, STREAM_CHUNKS]);
    expect(Buffer.concat(bursts)).toEqual(Buffer.concat(paced));
    const text = Buffer.concat(paced).toString();
    expect(text.match(/"content":" word/g)).toHaveLength(STREAM_CHUNKS);
    expect(text).toContain('"usage":{"prompt_tokens"');
    expect(text.endsWith('e\r\ndata: [DONE]\n\n\r\n')).toBe(true);
  });
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
