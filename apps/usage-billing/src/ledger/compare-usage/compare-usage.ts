import { Inject, Injectable } from '@nestjs/common';
import { CLOCKS_APART_MS_MAX, formatUsd } from '@tollgate/credit';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { BillingMeter } from '../../metrics.js';
import { ADMITTED_WITHIN_MS_MAX } from '../book-usage/implausible-event.js';
import {
  DAYS,
  DAYS_WITH_EVENTS,
  EVENT_BOOKS,
  MONTH,
  MONTH_BOOKS,
  PART,
  type Book,
  type Comparison,
} from './usage-books.js';
import { DAY_MS, UsageCheckStore, type PassPosition, type UsageDay, type UsageSpan } from './usage-check-store.js';
import {
  isKept,
  partsOf,
  placeOf,
  usageDifferences,
  type BookRow,
  type Part,
  type Span,
  type UsageDifference,
} from './usage-differences.js';

/** Events that one statement reads: the embedded Postgres does nothing else meanwhile. */
const EVENTS_OF_STATEMENT = 10_000;
/** Days that one statement reads. */
const DAYS_OF_STATEMENT = 31;
/** Of a day with more events than one statement reads, a check reads those of the last while; the slow pass all. */
const RECENT_MS = 30 * 60_000;

/** What one check may do of each kind of work: how many events it reads, and for how long it begins statements. */
interface Budget {
  events: number;
  readonly untilMs: number;
}
const budget = (): Budget => ({ events: 200_000, untilMs: performance.now() + 1_500 });
const isSpent = ({ events, untilMs }: Budget): boolean => events <= 0 || performance.now() > untilMs;

/** What a check needs to know of the process that does it. */
export interface CheckUnderWay {
  /** Says that the process is still alive. */
  renew(): Promise<void>;
  isStopped(): boolean;
}

/**
 * Compares single events, their transfers, the sums by key and day and all roll-ups: of the days of organisations whose
 * sums have changed since they were compared, and of all others in turn. Each comparison is one statement, which sees
 * one moment of the database, so bookings under way are no difference. The work of a check is bounded; what it does not
 * come to is compared by the next ones.
 */
@Injectable()
export class CompareUsage {
  constructor(
    private readonly store: UsageCheckStore,
    private readonly meter: BillingMeter,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Compares what differed, what has changed of these organisations, and the next part of all usage. */
  async run(organizationIds: readonly string[], under: CheckUnderWay): Promise<{ readonly hasNew: boolean }> {
    const check = new Check(this.store, under, await this.store.deleted());
    await check.differing();
    await check.touched(organizationIds);
    await check.pass();
    for (const { organizationId, difference } of check.lasting) this.tell(organizationId, difference);
    return { hasNew: check.hasNew };
  }

  private tell(organizationId: string, difference: UsageDifference): void {
    const { book, fromMs, toMs, sums, chargeNanoUsd, hasChargeNanoUsd } = difference;
    this.meter.differenceFound(placeOf(book));
    this.logger.error(
      {
        organizationId,
        book,
        from: new Date(fromMs).toISOString(),
        to: new Date(toMs).toISOString(),
        sums,
        differenceUsd: formatUsd(chargeNanoUsd - hasChargeNanoUsd),
      },
      'events, roll-ups and the sums of the ledger do not agree in two checks in a row',
    );
  }
}

/** Compares all days and months of an organisation, and resolves with what differs. Nothing is noted. */
export async function compareAllUsage(
  store: UsageCheckStore,
  organizationId: string,
): Promise<readonly UsageDifference[]> {
  const span = await store.timeOf(organizationId);
  if (span === null) return [];
  const check = new Check(store, ALONE, await store.deleted(), false);
  await check.all({ organizationId, ...span });
  return check.found;
}

const ALONE: CheckUnderWay = { renew: () => Promise.resolve(), isStopped: () => false };
/** Whoever compares all of an organisation waits until it is done. */
const ENDLESS: Budget = { events: Infinity, untilMs: Infinity };

/** One check. */
class Check {
  readonly lasting: { readonly organizationId: string; readonly difference: UsageDifference }[] = [];
  readonly found: UsageDifference[] = [];
  hasNew = false;
  /** Months that were compared. */
  private readonly months = new Set<string>();

  constructor(
    private readonly store: UsageCheckStore,
    private readonly under: CheckUnderWay,
    private readonly deleted: BookRow['deleted'],
    private readonly isNoted = true,
  ) {}

  /** What differed in the check before. */
  async differing(): Promise<void> {
    const left = budget();
    for (const { isMonth, ...span } of await this.store.differing()) {
      if (this.isOver(left)) return;
      if (isMonth) await this.month(span);
      else if (span.toMs - span.fromMs < DAY_MS) await this.part({ ...span, events: 0 }, span.organizationId, left);
      else for (const day of await this.store.days(span)) await this.day(day, left, -Infinity);
    }
  }

  /** Days whose sums have changed. */
  async touched(organizationIds: readonly string[]): Promise<void> {
    const left = budget();
    for (const day of await this.store.touched(organizationIds)) {
      if (this.isOver(left)) return;
      await this.day(day, left, Date.now() - RECENT_MS);
      await this.month(monthOf(day));
    }
  }

  /** The next part of all usage, from where the check before ended. */
  async pass(): Promise<void> {
    const left = budget();
    let position: PassPosition | null = await this.store.position();
    while (position !== null && !this.isOver(left)) {
      position = await this.passFrom(position, left);
      await this.store.moveTo(position);
    }
  }

  /** All of an organisation. */
  async all(span: UsageSpan): Promise<void> {
    for (let fromMs = span.fromMs; fromMs < span.toMs;) fromMs = await this.next({ ...span, fromMs }, ENDLESS);
  }

  /** Compares a part of an organisation, or goes on to the next one; null at the end. */
  private async passFrom({ organizationId, passedToMs }: PassPosition, left: Budget): Promise<PassPosition | null> {
    const span = organizationId === '' ? null : await this.store.timeOf(organizationId);
    const fromMs = Math.max(passedToMs ?? -Infinity, span?.fromMs ?? Infinity);
    if (span === null || fromMs >= span.toMs) {
      const next = await this.store.organizationAfter(organizationId);
      return next === null ? null : { organizationId: next, passedToMs: null };
    }
    return { organizationId, passedToMs: await this.next({ organizationId, fromMs, toMs: span.toMs }, left) };
  }

  /** Compares the beginning of a span, as much as one statement reads. Resolves with up to when. */
  private async next({ organizationId, fromMs, toMs }: UsageSpan, left: Budget): Promise<number> {
    await this.under.renew();
    const startMs = fromMs - (fromMs % DAY_MS);
    const lastMs = Math.min(toMs, startMs + DAYS_OF_STATEMENT * DAY_MS);
    const [first, ...others] = await this.store.days({ organizationId, fromMs: startMs, toMs: lastMs });
    if (!this.isInOne(first!)) {
      if (startMs === fromMs) await this.days({ organizationId, ...spanOf(first!) }, false);
      const part = (await this.parts(first!)).find((each) => each.toMs > fromMs)!;
      await this.part(part, organizationId, left);
      return part.toMs;
    }
    let [end, events] = [first!.toMs, first!.requests];
    for (const day of others) {
      events += day.requests;
      if (events > EVENTS_OF_STATEMENT || !this.isInOne(day)) break;
      end = day.toMs;
    }
    left.events -= Math.min(events, EVENTS_OF_STATEMENT);
    await this.days({ organizationId, fromMs: startMs, toMs: end }, true);
    for (const month of monthsOf({ organizationId, fromMs: startMs, toMs: end })) await this.month(month);
    return end;
  }

  /** One day; of one with many events, those parts that end after a moment. */
  private async day(day: UsageDay, left: Budget, sinceMs: number): Promise<void> {
    await this.under.renew();
    const isInOne = this.isInOne(day);
    if (isInOne) left.events -= day.requests;
    await this.days(day, isInOne);
    if (isInOne) return;
    for (const part of await this.parts(day)) {
      if (part.toMs <= sinceMs) continue;
      if (this.isOver(left)) return;
      await this.part(part, day.organizationId, left);
    }
  }

  /** Whether one statement reads a day with its events: there are few, or no quarters of it to read them by. */
  private isInOne({ requests, fromMs }: UsageDay): boolean {
    return requests <= EVENTS_OF_STATEMENT || !isKept({ deletedAs: 'hour' }, fromMs, this.deleted);
  }

  private async parts(day: UsageDay): Promise<readonly Part[]> {
    return partsOf(day, await this.store.quarters(day), EVENTS_OF_STATEMENT);
  }

  /** Compares whole days, each by itself. */
  private async days({ organizationId, ...span }: UsageSpan, withEvents: boolean): Promise<void> {
    const hasEvents = withEvents && isKept({ deletedAs: 'event' }, span.toMs - DAY_MS, this.deleted);
    const rows = await this.compare(hasEvents ? DAYS_WITH_EVENTS : DAYS, { organizationId, ...spanOf(span) }, DAY_MS);
    if (this.isNoted) await this.store.noteChecked(organizationId, rows);
    // What was found of events, which are not kept any more, is not known any more.
    if (withEvents && !hasEvents) await this.note({ organizationId, ...spanOf(span) }, EVENT_BOOKS, []);
  }

  /** Compares the events of a part of a day. */
  private async part({ events, ...span }: Part, organizationId: string, left: Budget): Promise<void> {
    await this.under.renew();
    left.events -= events;
    const part = { organizationId, ...spanOf(span) };
    await this.compare(PART, part, span.toMs - span.fromMs, EVENT_BOOKS);
  }

  /** Compares the sums of a month with those of its days. */
  private async month(month: UsageSpan): Promise<void> {
    const name = JSON.stringify([month.organizationId, month.fromMs]);
    if (this.months.has(name)) return;
    this.months.add(name);
    await this.compare(MONTH, month, month.toMs - month.fromMs, MONTH_BOOKS);
  }

  /** Compares books, and notes what differs of those in `noted`, which are all of them where nothing is said. */
  private async compare(
    comparison: Comparison,
    span: UsageSpan,
    stepMs: number,
    noted: readonly Book[] = comparison.books,
  ): Promise<readonly BookRow[]> {
    const hasEvents = comparison.books.some(({ deletedAs }) => deletedAs === 'event');
    const rows = await this.store.read(comparison, span, stepMs, hasEvents ? begunIn(span) : null);
    const names = new Set(noted.map(({ name }) => name));
    const differences = usageDifferences(rows, comparison.books, stepMs).filter(({ book }) => names.has(book));
    await this.note(span, noted, differences);
    return rows;
  }

  private async note(span: UsageSpan, books: readonly Book[], differences: readonly UsageDifference[]): Promise<void> {
    this.found.push(...differences);
    if (!this.isNoted) return;
    const { organizationId } = span;
    const { lasting, hasNew } = await this.store.note(
      span,
      books.map(({ name }) => name),
      differences,
    );
    this.lasting.push(...lasting.map((difference) => ({ organizationId, difference })));
    this.hasNew ||= hasNew;
  }

  private isOver(left: Budget): boolean {
    return this.under.isStopped() || isSpent(left);
  }
}

const spanOf = ({ fromMs, toMs }: Span): Span => ({ fromMs, toMs });

/**
 * When the calls began that count in a span. The cycle that a call's credit was held in decides where it counts, and
 * cycles begin with days: so only at midnight may a call count elsewhere than where it began.
 */
function begunIn({ fromMs, toMs }: Span): Span {
  return {
    fromMs: fromMs % DAY_MS === 0 ? fromMs - ADMITTED_WITHIN_MS_MAX - CLOCKS_APART_MS_MAX : fromMs,
    toMs: toMs % DAY_MS === 0 ? toMs + CLOCKS_APART_MS_MAX : toMs,
  };
}

/** The month in which a span begins. */
function monthOf({ organizationId, fromMs }: UsageSpan): UsageSpan {
  const start = new Date(fromMs);
  const [year, month] = [start.getUTCFullYear(), start.getUTCMonth()];
  return { organizationId, fromMs: Date.UTC(year, month), toMs: Date.UTC(year, month + 1) };
}

/** All months of a span. */
function monthsOf(span: UsageSpan): readonly UsageSpan[] {
  const first = monthOf(span);
  return first.toMs >= span.toMs ? [first] : [first, ...monthsOf({ ...span, fromMs: first.toMs })];
}
