import type { BusDelivery } from '@tollgate/bus';
import { isLedgerText, usageRecorded, type UsageRecorded } from '@tollgate/contracts';
import { pathText, validate } from '@tollgate/errors';
import { bookableEvent, type BookableEvent } from './bookable-event.js';
import type { Difference } from './conflicts.js';
import { contradiction, type EventFault } from './implausible-event.js';
import { quickRead } from './quick-read.js';

/**
 * Why an event is in quarantine: its text cannot be read as JSON or as an event of a version that this release knows,
 * something in it cannot be true, nobody has its key, its request is booked with another content, or the database
 * refused it.
 */
export const QUARANTINE_CAUSES = [
  'unreadable',
  'invalid',
  'implausible',
  'unknown_key',
  'conflict',
  'refused',
] as const;
export type QuarantineCause = (typeof QUARANTINE_CAUSES)[number];

/** A message that is not booked. */
export interface Poison {
  readonly kind: 'poison';
  readonly delivery: BusDelivery;
  readonly cause: QuarantineCause;
  /** For people: names fields and bounds, never values. */
  readonly reason: string;
  /** The first field that is at fault; null where no single one is. */
  readonly field: string | null;
  /** The event, where the message could be read as one. */
  readonly event?: UsageRecorded;
  /** In which fields it differs from what is booked of its request. */
  readonly difference?: readonly Difference[];
}

/** A message of the topic: an event, or poison, which is not booked. */
export type UsageRecord = ({ readonly kind: 'event'; readonly delivery: BusDelivery } & BookableEvent) | Poison;

/**
 * Parses one message of any version, whatever topic it came on: a gateway of the release before that adopts a journal
 * of this one publishes its finals on the topic of its own version. The reason names fields and bounds, never values.
 */
export function readUsageRecord(delivery: BusDelivery): UsageRecord {
  let value: unknown;
  try {
    value = JSON.parse(delivery.value);
  } catch {
    return { kind: 'poison', cause: 'unreadable', delivery, field: null, reason: 'not JSON' };
  }
  const event = quickRead(value) ?? usageRecorded.safeParse(value).data;
  if (event !== undefined) {
    const fault = contradiction(event);
    if (fault !== null) return implausibleRecord(delivery, event, fault);
    return { kind: 'event', delivery, ...bookableEvent(event, hasOnlyLedgerTexts(delivery.value)) };
  }
  const check = validate(usageRecorded, value);
  const faults = check.kind === 'invalid' ? check.faults : [];
  return {
    kind: 'poison',
    cause: 'invalid',
    delivery,
    field: faults[0] === undefined ? null : pathText(faults[0].path),
    reason: faults
      .map(({ path, message }) => `${pathText(path)}: ${message}`)
      .join('; ')
      .slice(0, 2_000),
  };
}

/** A message whose event cannot be true. */
export function implausibleRecord(delivery: BusDelivery, event: UsageRecorded, { field, reason }: EventFault): Poison {
  return { kind: 'poison', cause: 'implausible', delivery, event, field, reason: `${field}: ${reason}` };
}

/** Whether the ledger can store each text of a JSON document: it escapes no character by its code. */
const hasOnlyLedgerTexts = (json: string): boolean => !json.includes('\\u') && isLedgerText(json);
