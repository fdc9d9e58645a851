import type { ServiceDatabase } from '@tollgate/postgres';
import { lockOrganizations } from '../../store/organization-lock.js';
import { compareAllUsage } from './compare-usage.js';
import { UsageCheckStore } from './usage-check-store.js';
import { EVENT_BOOK_NAMES, isKept, type UsageDifference } from './usage-differences.js';

/** A difference that was found, and whether the events say what is right, so that it can be mended from them. */
export interface FoundDifference extends UsageDifference {
  readonly organizationId: string;
  readonly isMendable: boolean;
}

/**
 * Compares all usage of all organisations. Without `write` it changes nothing. With it, the roll-ups of each day that
 * differ, and the sums of keys by day, are computed from the events; bookings of the organisation wait meanwhile. That
 * is only done where events are kept, and are what most of the books say. Resolves with what differed.
 */
export async function mendUsage(database: ServiceDatabase, write: boolean): Promise<readonly FoundDifference[]> {
  const store = new UsageCheckStore(database);
  const found: FoundDifference[] = [];
  for (let id = await store.organizationAfter(''); id !== null; id = await store.organizationAfter(id)) {
    const ofOne = await differencesOf(store, id);
    found.push(...ofOne);
    if (write) await mend(database, ofOne);
  }
  return found;
}

const isOfMonth = ({ book }: UsageDifference): boolean => book.startsWith('usage_month.');

async function differencesOf(store: UsageCheckStore, organizationId: string): Promise<readonly FoundDifference[]> {
  const differences = await compareAllUsage(store, organizationId);
  const deleted = await store.deleted();
  const isOfEvents = ({ book }: UsageDifference) => EVENT_BOOK_NAMES.includes(book);
  const ofEvents = differences.filter(isOfEvents);
  const areEventsRight = ({ fromMs, toMs }: UsageDifference): boolean =>
    isKept({ deletedAs: 'event' }, fromMs, deleted) &&
    ofEvents.every((wrong) => wrong.toMs <= fromMs || wrong.fromMs >= toMs);
  const inDays = differences.map((each) => ({
    ...each,
    organizationId,
    isMendable: !isOfMonth(each) && !isOfEvents(each) && areEventsRight(each),
  }));
  // A month is right where its days are, once they are mended.
  return inDays.map((each) => {
    if (!isOfMonth(each)) return each;
    const within = inDays.filter(
      (other) => !isOfMonth(other) && other.fromMs >= each.fromMs && other.toMs <= each.toMs,
    );
    return { ...each, isMendable: within.every((other) => other.isMendable) };
  });
}

async function mend(database: ServiceDatabase, differences: readonly FoundDifference[]): Promise<void> {
  const mendable = differences.filter(({ isMendable }) => isMendable);
  const days = new Map(mendable.filter((each) => !isOfMonth(each)).map((each) => [each.fromMs, each.organizationId]));
  for (const [fromMs, organizationId] of days) await mendOne(database, MEND_DAY, organizationId, fromMs);
  for (const { organizationId, fromMs } of mendable.filter(isOfMonth))
    await mendOne(database, MEND_MONTH, organizationId, fromMs);
}

const MEND_DAY = 'SELECT billing.mend_usage_of_day($1, $2)';
const MEND_MONTH = 'SELECT billing.mend_usage_of_month($1, $2)';

async function mendOne(
  database: ServiceDatabase,
  statement: string,
  organizationId: string,
  fromMs: number,
): Promise<void> {
  await database.acrossOrganizations(async (manager) => {
    await lockOrganizations(manager, [organizationId]);
    await manager.query(statement, [organizationId, new Date(fromMs)]);
  });
}
