import fc from 'fast-check';
import type { Citation } from '../answer.js';
import type { CarriedAnswers } from './answers.js';

const citations: fc.Arbitrary<Citation> = fc
  .record({ start: fc.nat(5), length: fc.nat(5) })
  .map(({ start, length }) => {
    const place = { url: 'https://example.com', title: 'a', start_index: start, end_index: start + length };
    return {
      url: place.url,
      title: place.title,
      quoted: null,
      start,
      end: start + length,
      original: { type: 'url_citation', url_citation: place },
    };
  });

/** What answers of chat can say. */
export const CARRIED: CarriedAnswers = {
  citations,
  refusals: true,
  customTools: true,
  thoughts: 'anthropic',
  stopSequence: false,
  createdAt: true,
  cacheWrites: true,
};
