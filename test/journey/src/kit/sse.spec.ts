import { describe, expect, it } from 'vitest';
import { contentOf, eventsOf } from './sse.js';

const chunk = (content: string) =>
  `data: {"choices":[{"index":0,"delta":{"content":"${content}"},"finish_reason":null}]}\n\n`;

describe('reading a stream', () => {
  it('gives the events in order, with the end mark', () => {
    const events = eventsOf(`${chunk('a')}: keep-alive\n\n${chunk('b')}data: [DONE]\n\n`);
    expect(events.map(({ data }) => data.slice(0, 6))).toEqual(['{"choi', '{"choi', '[DONE]']);
    expect(contentOf(events)).toBe('ab');
  });

  it('does not take what was cut off for an event', () => {
    expect(eventsOf(`${chunk('a')}data: {"choices":[`)).toHaveLength(1);
    expect(eventsOf('')).toEqual([]);
  });
});
