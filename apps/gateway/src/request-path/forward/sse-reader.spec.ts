import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { EventCutter, eventEnd, looksLikeEvents, readEvent } from './sse-reader.js';

const LINE_ENDS = ['\n', '\r', '\r\n'] as const;

/** All events of a text that arrives in these pieces, unchanged, and the rest at the end. */
function cut(pieces: readonly string[]): { events: string[]; rest: string } {
  const cutter = new EventCutter();
  const events: string[] = [];
  for (const piece of pieces) {
    const whole = cutter.take(piece);
    for (let at = 0; at < whole.length;) {
      const end = eventEnd(whole, at, whole.includes('\r'));
      events.push(whole.slice(at, end));
      at = end;
    }
  }
  return { events, rest: cutter.rest() };
}

/** Cuts a text at these places, taken modulo its length. */
function pieces(text: string, places: readonly number[]): string[] {
  const at = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((start, index) => text.slice(start, at[index] ?? text.length));
}

describe('a stream of events', () => {
  const dataOf = (texts: readonly string[]) =>
    texts
      .map(readEvent)
      .filter(({ data }) => data !== null)
      .map(({ data }) => data);

  it('is cut into the same events wherever the network cut it and however its lines end', () => {
    const line = fc.constantFrom(
      'data: a',
      'data:b',
      'data: {"x":1}',
      ': comment',
      'event: error',
      'id: 7',
      'data',
      'retry: 10',
    );
    const event = fc.record({
      lines: fc.array(line, { minLength: 1, maxLength: 4 }),
      ends: fc.array(fc.constantFrom(...LINE_ENDS), { minLength: 5, maxLength: 5 }),
    });
    fc.assert(
      fc.property(
        fc.array(event, { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (events, places) => {
          // An empty line of CR before a LF would be read as one line end.
          const written = events.map(
            ({ lines, ends }) =>
              lines.map((text, at) => text + ends[at]!).join('') +
              (ends[lines.length - 1] === '\r' && ends[4] === '\n' ? '\r' : ends[4]!),
          );
          const text = written.join('');
          const found = cut(pieces(text, places));
          expect(found.events.join('') + found.rest).toBe(text);
          // The rest may be the LF of a CR LF whose CR ended the last event.
          expect(found.rest).toMatch(/^\n?$/);
          const expected = events
            .map(({ lines }) => lines.map((each) => readEvent(`${each}\n\n`).data).filter((data) => data !== null))
            .filter((data) => data.length > 0)
            .map((data) => data.join('\n'));
          expect(dataOf(found.events)).toEqual(expected);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('holds what has no empty line behind it yet, and gives it at the end', () => {
    expect(cut(['data: a\n\nda', 'ta: b\n'])).toEqual({ events: ['data: a\n\n'], rest: 'data: b\n' });
    expect(cut(['data: a\r', '\n', '\r', '\ndata: b'])).toEqual({ events: ['data: a\r\n\r'], rest: '\ndata: b' });
  });

  it('takes a time for a long event that grows with its length alone', () => {
    const cutter = new EventCutter();
    for (let n = 0; n < 200_000; n++) expect(cutter.take('x')).toBe('');
    expect(cutter.heldLength).toBe(200_000);
    expect(cutter.take('\n\n')).toHaveLength(200_002);
  });
});

/** Counts the characters at which native searches of strings started while `run` runs. */
function charactersSearched(run: () => void): number {
  let characters = 0;
  const spies = (['includes', 'indexOf', 'lastIndexOf', 'endsWith', 'split'] as const).map((name) => {
    const search = String.prototype[name] as (this: string, ...args: unknown[]) => unknown;
    return vi.spyOn(String.prototype, name).mockImplementation(function (this: string, ...args: unknown[]) {
      characters += this.length;
      return search.apply(this, args) as never;
    });
  });
  try {
    run();
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return characters;
}

describe('an event that does not end', () => {
  it.each([
    ['without a line end', 'x'],
    ['of lines that end with LF', 'data: x\n'],
    ['of lines that end with CR LF', 'data: x\r\n'],
    ['of lines that end with CR', 'data: x\r'],
  ])('%s is looked at a few times, however it arrives', (_, unit) => {
    const text = unit.repeat(Math.ceil(1_000_000 / unit.length));
    for (const bytes of [100, 1_448, 65_536]) {
      const cutter = new EventCutter();
      const searched = charactersSearched(() => {
        for (let at = 0; at < text.length; at += bytes)
          if (cutter.take(text.slice(at, at + bytes)) !== '') throw new Error('an event has ended');
      });
      expect(cutter.heldLength).toBe(text.length);
      expect(searched, `${bytes} at a time`).toBeLessThan(6 * text.length);
    }
  });
});

describe('an event', () => {
  it.each([
    ['data: a\n\n', { name: '', data: 'a' }],
    ['data:a\n\n', { name: '', data: 'a' }],
    ['data:  a\r\n\r\n', { name: '', data: ' a' }],
    ['data: a\rdata: b\r\r', { name: '', data: 'a\nb' }],
    ['event: error\ndata: {}\n\n', { name: 'error', data: '{}' }],
    [': a comment\n\n', { name: '', data: null }],
    ['data\n\n', { name: '', data: '' }],
    ['\u00ef\u00bb\u00bfdata: a\n\n', { name: '', data: 'a' }],
    ['dataset: a\n\n', { name: '', data: null }],
    ['\n', { name: '', data: null }],
  ])('%j is read as the standard says', (text, event) => {
    expect(readEvent(text)).toEqual(event);
  });
});

describe('bytes that are no event stream by their label', () => {
  it.each([
    'data: {}',
    'data:{}',
    ': comment',
    'event: message',
    'id: 1',
    'retry: 1',
    '\ufeffdata: 1',
    '\n\ndata: 1',
    'data\n',
    '\r\n: x',
  ])('%j are one', (text) => {
    expect(looksLikeEvents(Buffer.from(text))).toBe(true);
  });
  it.each(['{"error":{}}', '<html>', 'dataset', 'datum: 1', '"data: x"', 'null    ', '        {"a":1}'])(
    '%j are none',
    (text) => {
      expect(looksLikeEvents(Buffer.from(text.padEnd(8)))).toBe(false);
    },
  );
  it.each(['', 'd', 'dat', 'data', '\n', '\u00ef', 'retr'])('%j may become one', (text) => {
    expect(looksLikeEvents(Buffer.from(text, 'latin1'))).toBe(null);
  });
});
