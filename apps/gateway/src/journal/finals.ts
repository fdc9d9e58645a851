import type { BusMessage, BusPublisher } from '@tollgate/bus';
import { USAGE_TOPIC_OF } from '@tollgate/contracts';
import { readPart } from './read-part.js';
import type { Segment } from './segment.js';

const READ_BYTES = 1024 * 1024;

/** A final as it is published: the bytes of its event, and the organisation that it belongs to. */
export interface Final {
  readonly version: keyof typeof USAGE_TOPIC_OF;
  readonly message: BusMessage;
}

interface Finals {
  readonly finals: readonly Final[];
  /** The number of bytes that were read. */
  readonly bytes: number;
}

/**
 * Reads the finals among the complete records that fit one read. `damaged` is called with the number of bytes that are
 * no record.
 */
export async function readFinals(segment: Segment, offset: number, damaged: (bytes: number) => void): Promise<Finals> {
  const finals: Final[] = [];
  const visit = (bytes: Buffer, start: number, end: number): void => {
    const final = finalIn(bytes, start, end);
    if (final !== null) finals.push(final);
  };
  const bytes = await readPart({ segment, offset, atOnce: READ_BYTES }, visit, damaged);
  return { finals, bytes };
}

/** Publishes finals; when it resolves, all are acknowledged. */
export async function publishFinals(bus: BusPublisher, finals: readonly Final[]): Promise<void> {
  for (const version of VERSIONS) {
    const messages = finals.filter((final) => final.version === version).map(({ message }) => message);
    if (messages.length > 0) await bus.publish(USAGE_TOPIC_OF[version], messages);
  }
}

const F = 0x46,
  SPACE = 0x20,
  OPEN_BRACE = 0x7b;

/** The versions of finals that a journal may hold: a gateway adopts the journal of the release before. */
const VERSIONS = [1, 2] as const;
/** How an event of the second version begins, whoever wrote it: its version is its first field. */
const SECOND_VERSION = Buffer.from('{"eventVersion":2,');

/**
 * The message for the final in a line; its bytes go to the bus unchanged. Null for other records and for invalid lines.
 */
export function finalIn(bytes: Buffer, start: number, end: number): Final | null {
  if (bytes[start] !== F || bytes[start + 1] !== SPACE) return null;
  const organization = bytes.indexOf(SPACE, start + 2) + 1;
  const number = bytes.indexOf(SPACE, organization) + 1;
  const json = bytes.indexOf(SPACE, number) + 1;
  if (organization === 0 || number === 0 || json === 0 || json >= end || bytes[json] !== OPEN_BRACE) return null;
  const key = bytes.toString('latin1', organization, number - 1);
  const value = bytes.subarray(json, end);
  const isSecond = value.subarray(0, SECOND_VERSION.length).equals(SECOND_VERSION);
  return { version: isSecond ? 2 : 1, message: { key, value } };
}
