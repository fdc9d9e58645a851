import { describe, expect, it } from 'vitest';
import { contentOfData, eventData } from './event-stream.js';

describe('the reader of event streams that the quirks are judged with', () => {
  it.each([
    ['line feeds', 'data: a\n\ndata: b\n\n'],
    ['carriage returns', 'data: a\r\rdata: b\r\r'],
    ['both', 'data: a\r\n\r\ndata: b\r\n\r\n'],
    ['a mixture', 'data: a\r\n\ndata: b\r\r\n'],
    ['a BOM, a comment and other fields', '\uFEFF: hello\nevent: x\nid: 1\ndata:a\n\nretry: 5\n\ndata:b\n\n'],
  ])('knows lines that end in %s', (_what, text) => {
    expect(eventData(text)).toEqual(['a', 'b']);
  });

  it('joins data lines, keeps the second space, and leaves out what no blank line ended', () => {
    expect(eventData('data:  a\ndata\ndata: b\n\ndata: cut')).toEqual([' a\n\nb']);
  });

  it('puts the content of one choice together', () => {
    expect(
      contentOfData([
        '{"choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{"content":"b"}}]}',
        '[DONE]',
        '{"choices":null}',
      ]),
    ).toBe('a');
  });
});
