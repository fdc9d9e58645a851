import { readdirSync, readFileSync } from 'node:fs';
import { reportIn } from '@tollgate/usage';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anthropicMessages } from './anthropic-messages/anthropic-messages.js';
import type { Dialect } from './dialect.js';
import { openAiChat } from './openai-chat/openai-chat.js';
import { openAiResponses } from './openai-responses/openai-responses.js';

/** Golden transcripts of conversations, each with the stream of its answer in one dialect. */
const FOLDER = new URL('../../../../libs/domain/conversation/src/testing/golden/', import.meta.url);
const DIALECTS: Readonly<Record<string, Dialect>> = {
  chat: openAiChat,
  messages: anthropicMessages,
  responses: openAiResponses,
};
const STREAMS = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.txt'))
  .map((name) => {
    const [, stream = ''] = readFileSync(new URL(name, FOLDER), 'utf8').split('In a stream:\n\n');
    return [name.replace('.txt', ''), DIALECTS[name.split('-to-')[0]!]!, `${stream.trimEnd()}\n\n`] as const;
  });

function read(dialect: Dialect, pieces: readonly Buffer[]) {
  const reader = dialect.readWholeStream(null)!;
  let [events, tail, done] = ['', '', false];
  for (const piece of pieces) {
    const part = reader.take(piece);
    events += part.events;
    tail += part.tail;
    done ||= part.done;
  }
  const rest = reader.end();
  const { opened, finished, error, tellsCredential, report, isReportEarly, dropped } = reader;
  return {
    events: events + rest.events,
    tail: tail + rest.tail,
    done: done || rest.done,
    counted: reader.countedTokens(),
    ...{ opened, finished, error, tellsCredential, report, isReportEarly, dropped },
  };
}
/** What the last object with usage in a stream reports. */
function lastReport(stream: string) {
  const documents = [...stream.matchAll(/^data: (\{.*)$/gm)].map(
    ([, data]) => JSON.parse(data!) as Record<string, object>,
  );
  const reports = documents.flatMap((document) => reportIn(document['response'] ?? document) ?? []);
  return reports.at(-1);
}

it('has streams of each dialect that has any', () => {
  expect(new Set(STREAMS.map(([, dialect]) => dialect))).toEqual(new Set(Object.values(DIALECTS)));
});

describe.each(STREAMS)('the stream of %s', (_name, dialect, stream) => {
  const bytes = Buffer.from(stream);
  const whole = read(dialect, [bytes]);

  it('passes to the byte, ends well, and reports what its last usage says', () => {
    expect(Buffer.from(whole.events + whole.tail, 'latin1').toString()).toBe(stream);
    expect(whole).toMatchObject({ opened: true, error: null, isReportEarly: false, dropped: '' });
    expect(whole.done || whole.finished).toBe(true);
    expect(whole.tail).not.toBe('');
    expect(whole.report?.outputTokens).toBe(lastReport(stream)?.outputTokens);
    expect(whole.report?.outputTokens).toBeGreaterThan(0);
  });

  it('is read the same wherever the network cuts it', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 40 }), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const pieces = places.slice(1).map((end, at) => bytes.subarray(places[at], end));
        expect(read(dialect, pieces)).toEqual(whole);
      }),
    );
    expect(
      read(
        dialect,
        Array.from(bytes, (byte) => Buffer.of(byte)),
      ),
    ).toEqual(whole);
  });

  it('that breaks off is not taken for a whole one', () => {
    const last = whole.tail.length;
    for (let end = 0; end < bytes.length - last; end += 7) {
      const part = read(dialect, [bytes.subarray(0, end)]);
      expect(part.done, `after ${end} bytes`).toBe(false);
    }
  });
});
