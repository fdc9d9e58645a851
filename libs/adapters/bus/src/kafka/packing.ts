import type { KafkaMessage, Message } from 'kafkajs';
import type { BusDelivery, BusMessage } from '../port.js';

/**
 * The limits of a record. A message that would exceed one of them begins the next record; a larger message gets a
 * record of its own.
 */
const RECORD_BYTES_MAX = 64 * 1024;
const RECORD_MESSAGES_MAX = 200;

const NEWLINE = 0x0a;
/**
 * This header says that the record's value has one message on each line. Without it the whole value is one message.
 */
const LINES = { 'content-type': 'application/jsonl' };

interface Pack {
  readonly key: string;
  readonly values: (string | Buffer)[];
  /** Size of the values, with a newline after each. */
  bytes: number;
}

/**
 * Packs messages into few records, because kafkajs takes some 10 µs for each record of any size. Messages of one key
 * share a record, their values joined by newlines, and keep their order. A value that contains a newline gets a record
 * of its own.
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
  const [first, second] = values;
  if (first !== undefined && second === undefined) return { key, value: first };
  return { key, value: lines(values, bytes - 1), headers: LINES };
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

/** The messages of one record, at least one, all with its offset. */
export function unpack({ offset: position, key: keyBytes, value, headers }: KafkaMessage): BusDelivery[] {
  const offset = BigInt(position);
  const key = keyBytes === null ? null : keyBytes.toString();
  const text = value === null ? '' : value.toString();
  const isLines = headers?.['content-type']?.toString() === LINES['content-type'];
  return (isLines ? text.split('\n') : [text]).map((one, part) => ({ offset, part, key, value: one }));
}

/** Takes whole records from `start` until they have `atLeast` messages; `end` is the index of the next record. */
export function takeRecords(
  records: readonly KafkaMessage[],
  start: number,
  atLeast: number,
): { readonly deliveries: BusDelivery[]; readonly end: number } {
  const deliveries: BusDelivery[] = [];
  let end = start;
  for (let record = records[end]; record !== undefined && deliveries.length < atLeast; record = records[end]) {
    for (const delivery of unpack(record)) deliveries.push(delivery);
    end += 1;
  }
  return { deliveries, end };
}
