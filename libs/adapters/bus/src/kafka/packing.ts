import type { KafkaMessage, Message } from 'kafkajs';
import type { BusDelivery, BusMessage } from '../port.js';

/**
 * A record that would grow beyond one of these is ended and the next begun; a larger message has a record of its own.
 */
const RECORD_BYTES_MAX = 64 * 1024;
const RECORD_MESSAGES_MAX = 200;

const NEWLINE = 0x0a;
/**
 * Says that the record's value is several messages, one a line. Without it the value is one message, whatever is in it.
 */
const LINES = { 'content-type': 'application/jsonl' };

interface Pack {
  readonly key: string;
  readonly values: (string | Buffer)[];
  /** Of the values, with a newline behind each. */
  bytes: number;
}

/**
 * The messages as few records: kafkajs takes some 10 µs for each, whatever its size. Messages of one key go into one
 * record, their values joined by newlines, and keep their order; what holds a newline itself has a record of its own.
 */
export function pack(messages: readonly BusMessage[]): Message[] {
  const packs: Pack[] = [];
  const open = new Map<string, Pack>();
  for (const { key, value } of messages) {
    const bytes = Buffer.byteLength(value) + 1;
    const alone = typeof value === 'string' ? value.includes('\n') : value.includes(NEWLINE);
    let into = open.get(key);
    if (
      into === undefined ||
      alone ||
      into.bytes + bytes > RECORD_BYTES_MAX ||
      into.values.length === RECORD_MESSAGES_MAX
    ) {
      into = { key, values: [], bytes: 0 };
      packs.push(into);
      if (alone) open.delete(key);
      else open.set(key, into);
    }
    into.values.push(value);
    into.bytes += bytes;
  }
  return packs.map(record);
}

function record({ key, values, bytes }: Pack): Message {
  return values.length === 1 ? { key, value: values[0]! } : { key, value: lines(values, bytes - 1), headers: LINES };
}

function lines(values: readonly (string | Buffer)[], bytes: number): Buffer {
  const joined = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const value of values) {
    at += typeof value === 'string' ? joined.write(value, at) : value.copy(joined, at);
    if (at < bytes) joined[at++] = NEWLINE;
  }
  return joined;
}

/** The messages of one record, at least one, all under its offset. */
export function unpack({ offset: position, key: keyBytes, value, headers }: KafkaMessage): BusDelivery[] {
  const offset = BigInt(position);
  const key = keyBytes === null ? null : keyBytes.toString();
  const text = value === null ? '' : value.toString();
  const isLines = headers?.['content-type']?.toString() === LINES['content-type'];
  return (isLines ? text.split('\n') : [text]).map((one, part) => ({ offset, part, key, value: one }));
}

/** As many whole records from `start` on as it takes for `atLeast` messages, and where the rest begins. */
export function takeRecords(
  records: readonly KafkaMessage[],
  start: number,
  atLeast: number,
): { readonly deliveries: BusDelivery[]; readonly end: number } {
  const deliveries: BusDelivery[] = [];
  let end = start;
  while (end < records.length && deliveries.length < atLeast) {
    for (const delivery of unpack(records[end]!)) deliveries.push(delivery);
    end += 1;
  }
  return { deliveries, end };
}
