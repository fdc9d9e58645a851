import type { BusDelivery } from '@tollgate/bus';
import { usageRecorded } from '@tollgate/contracts';
import { pathText, validate } from '@tollgate/errors';
import { bookableEvent, type BookableEvent } from './bookable-event.js';

/** A message of the topic: an event, or poison, which can never be booked. */
export type UsageRecord =
  | ({ readonly kind: 'event'; readonly delivery: BusDelivery } & BookableEvent)
  | { readonly kind: 'poison'; readonly delivery: BusDelivery; readonly reason: string };

/**
 * Parses one message of any version, whatever topic it came on: a gateway of the release before that adopts a journal
 * of this one publishes its finals on the topic of its own version. The reason names fields and bounds, never values.
 */
export function readUsageRecord(delivery: BusDelivery): UsageRecord {
  let value: unknown;
  try {
    value = JSON.parse(delivery.value);
  } catch {
    return { kind: 'poison', delivery, reason: 'not JSON' };
  }
  const parsed = usageRecorded.safeParse(value);
  if (parsed.success) return { kind: 'event', delivery, ...bookableEvent(parsed.data) };
  const check = validate(usageRecorded, value);
  const faults = check.kind === 'invalid' ? check.faults : [];
  return {
    kind: 'poison',
    delivery,
    reason: faults
      .map(({ path, message }) => `${pathText(path)}: ${message}`)
      .join('; ')
      .slice(0, 2_000),
  };
}
