import fc from 'fast-check';
import type { KafkaMessage, Message } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import type { BusMessage } from '../port.js';
import { pack, takeRecords, unpack } from './packing.js';

/** The record as a consumer receives it: key, value and headers are bytes. */
const fetched = ({ key, value, headers = {} }: Message, offset: number): KafkaMessage => ({
  key: key === null ? null : Buffer.from(key!),
  value: value === null ? null : Buffer.from(value),
  timestamp: '0',
  attributes: 0,
  offset: String(offset),
  headers: Object.fromEntries(Object.entries(headers).map(([name, header]) => [name, Buffer.from(header as string)])),
});
const carried = (messages: readonly BusMessage[]) => pack(messages).map(fetched).flatMap(unpack);
const byKey = (messages: readonly { key: string | null; value: string | Buffer }[]) =>
  Object.fromEntries(
    messages.map(({ key }) => [
      key,
      messages.filter((other) => other.key === key).map((other) => other.value.toString()),
    ]),
  );

const text = fc.string({ unit: fc.constantFrom('a', '\n', '\r', '"', 'é', '😀', ' ', '\u2028') });
const value = fc.oneof(
  text,
  text.map((one) => Buffer.from(one)),
  fc.integer({ min: 30_000, max: 70_000 }).map((length) => 'x'.repeat(length)),
);
const messages = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'ключ', ''), value }), { maxLength: 60 });

describe('pack', () => {
  it('whatever is packed comes out again, each message as it was, in the order of its key', () => {
    fc.assert(
      fc.property(messages, (all) => {
        expect(byKey(carried(all))).toEqual(byKey(all));
      }),
    );
  });
  it('leaves a message that has no company as it is', () => {
    const value = Buffer.from('{"n":1}');
    expect(pack([{ key: 'a', value }])).toEqual([{ key: 'a', value }]);
  });
  it('makes one record of the messages of a key, one a line, also where keys take turns', () => {
    const all = ['a', 'b', 'a', 'b', 'a'].map((key, n) => ({ key, value: JSON.stringify({ n }) }));
    expect(pack(all)).toEqual([
      { key: 'a', value: Buffer.from('{"n":0}\n{"n":2}\n{"n":4}'), headers: { 'content-type': 'application/jsonl' } },
      { key: 'b', value: Buffer.from('{"n":1}\n{"n":3}'), headers: { 'content-type': 'application/jsonl' } },
    ]);
  });
  it('no record has more than 200 messages, or than 64 KiB but for a single message', () => {
    expect(
      pack(Array.from({ length: 450 }, (_, n) => ({ key: 'a', value: `${n}` }))).map(
        (record, at) => unpack(fetched(record, at)).length,
      ),
    ).toEqual([200, 200, 50]);
    fc.assert(
      fc.property(messages, (all) => {
        for (const record of pack(all))
          if (record.headers) expect(Buffer.byteLength(record.value!)).toBeLessThan(64 * 1024);
      }),
    );
  });
  it('a value with a newline is never taken apart', () => {
    const values = ['{"n":1}', '{\n  "n": 2\n}', Buffer.from('{"n":\n3}'), '{"n":4}', ''];
    expect(carried(values.map((value) => ({ key: 'a', value }))).map(({ value }) => value)).toEqual(values.map(String));
  });
});

describe('unpack', () => {
  const foreign = (value: string | null, headers = {}) => unpack(fetched({ key: null, value, headers }, 7));
  it('what says nothing of lines is one message, as it stands', () => {
    for (const value of ['{"n":1}', '{\n"n":1\n}', '{}\n{}', '\n', ''])
      expect(foreign(value)).toEqual([{ offset: 7n, part: 0, key: null, value }]);
    expect(foreign('a\nb', { 'content-type': 'application/json' })).toHaveLength(1);
    expect(foreign(null)).toEqual([{ offset: 7n, part: 0, key: null, value: '' }]);
  });
  it('names each message by its record and its place there', () => {
    expect(foreign('a\nb', { 'content-type': 'application/jsonl' })).toEqual([
      { offset: 7n, part: 0, key: null, value: 'a' },
      { offset: 7n, part: 1, key: null, value: 'b' },
    ]);
  });
});

describe('takeRecords', () => {
  it('takes whole records until there are enough messages', () => {
    const records = [3, 1, 4].flatMap((size, at) =>
      pack(Array.from({ length: size }, (_, n) => ({ key: `${at}`, value: `${n}` }))).map((record) =>
        fetched(record, at),
      ),
    );
    const sizes = (atLeast: number) => {
      const taken: number[] = [];
      for (let start = 0; start < records.length;) {
        const { deliveries, end } = takeRecords(records, start, atLeast);
        taken.push(deliveries.length);
        start = end;
      }
      return taken;
    };
    expect(sizes(1)).toEqual([3, 1, 4]);
    expect(sizes(4)).toEqual([4, 4]);
    expect(sizes(5)).toEqual([8]);
  });
});
