import { Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { ROLL_UP_UNITS } from '../roll-ups/roll-up-columns.js';
import { UsageRetention } from '../roll-ups/usage-retention.js';
import { NO_USE, NOTHING_REFUSED, refusedIn, sumsOfAll, usageSumsOf, type UsageSums } from './usage-sums.js';
import { groupedBy } from '../../grouped-by.js';
import { PageTurns } from './page-turns.js';
import { areRefusedKnown, refusedSelection, type RefusedByCode } from './read-refused.js';
import type { UsageField, UsageFilters } from './usage-fields.js';
import { usageReading, type UsageReading } from './usage-reading.js';
import {
  hasGrainOf,
  usageStatement,
  type CellRow,
  type UsageOrder,
  type UsageRow,
  type UsageSelection,
} from './usage-statement.js';

/** Which usage is asked for. */
export interface UsageQuestion {
  readonly organizationId: string;
  readonly filters: UsageFilters;
  readonly groupBy: readonly UsageField[];
  /** The bounds of the buckets; of a single one they may be infinite. */
  readonly bounds: readonly number[];
  /** Whether sums by bucket are asked for, and not only those of the whole period. */
  readonly isSeries: boolean;
  readonly order: UsageOrder;
  /** The most groups. */
  readonly limit: number;
}

/** The values of the fields that are grouped by; null where a call has none. */
export type GroupValues = readonly (string | null)[];

/** The sums of one group. */
export interface UsageGroup {
  readonly values: GroupValues;
  readonly sums: UsageSums;
}

/** What a series shows of one group in one bucket. */
export interface UsageCell {
  readonly values: GroupValues;
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly chargeNanoUsd: bigint;
  /** Calls that a gateway refused, by code; null where refusals are not told apart as the groups are. */
  readonly refused: RefusedByCode | null;
}

/** The sums of one bucket, and of the groups in it. */
export interface UsageBucket<Group = UsageGroup> {
  readonly fromMs: number;
  readonly toMs: number;
  readonly sums: UsageSums;
  readonly groups: readonly Group[];
}

/** What was used. */
export interface UsageAnswer {
  readonly totals: UsageSums;
  readonly series: readonly UsageBucket<UsageCell>[];
  readonly groups: readonly UsageGroup[];
  /** Whether there are more groups than were asked for. */
  readonly isCut: boolean;
}

/** The most groups in all buckets of a reply together. Of more, buckets show those of the first groups. */
const CELLS_MAX = 50_000;

/**
 * Pages of lines that are read at once, for all callers together. The embedded Postgres has one connection: a revoke
 * waits for this many pages at most, however many exports there are.
 */
const PAGES_AT_ONCE = 2;

/** Reads sums of usage from the roll-ups, at most 2 s behind the calls. */
@Injectable()
export class QueryUsage {
  private readonly turns = new PageTurns(PAGES_AT_ONCE);

  constructor(
    private readonly database: ServiceDatabase,
    private readonly retention: UsageRetention,
  ) {}

  /** All sums of one answer are of one moment, so that they add up. */
  async answer(question: UsageQuestion): Promise<UsageAnswer> {
    const { organizationId, groupBy, bounds, isSeries, limit } = question;
    const whole = [bounds[0]!, bounds.at(-1)!];
    return this.database.inSnapshotOf(organizationId, async (manager) => {
      const found =
        groupBy.length === 0
          ? []
          : await this.read(manager, question, { bounds: whole, groupBy, order: question.order, limit: limit + 1 });
      const shown = found.slice(0, limit);
      const isCut = found.length > shown.length;
      const { rows, cells } = await this.series(manager, question, isSeries ? shown : []);
      const nothing = nothingOf({ ...question, groupBy: [] });
      const buckets = bucketsOf(bounds, rows, nothing);
      return {
        totals: sumsOfAll(
          buckets.map(({ sums }) => sums),
          nothing.refused,
        ),
        series: isSeries ? withCells(buckets, cells, groupBy) : [],
        groups: shown.map((row) => groupOf(row, groupBy)),
        isCut,
      };
    });
  }

  /**
   * The sums of groups by bucket, in pages of at most so many lines: those of the first bucket first, in the order of
   * their values. Each page is one statement in a transaction of its own, which has ended before the page is given: so
   * nobody who reads slowly, or no more, keeps a connection. Sums of one page are of one moment. A page may be empty,
   * since a reader that is gone is seen between two pages.
   */
  async *rows(question: UsageQuestion, pageSize: number): AsyncGenerator<readonly UsageBucket[]> {
    const { groupBy, bounds } = question;
    let [first, buckets] = [0, firstBuckets(groupBy, pageSize)];
    for (let after: GroupValues | null = null; first < bounds.length - 1;) {
      const asked = bounds.slice(first, first + buckets + 1);
      const rows = await this.page(question, { bounds: asked, groupBy, after, limit: pageSize });
      const last = rows.at(-1);
      if (groupBy.length === 0 || rows.length < pageSize || last === undefined) {
        yield groupsByBucket(question, asked, rows);
        [first, after, buckets] = [first + asked.length - 1, null, Math.min(2 * buckets, pageSize)];
        continue;
      }
      // The page is full, perhaps in the middle of its last bucket, where the next one begins.
      yield groupsByBucket(question, asked.slice(0, last.bucket + 1), rows);
      [first, after, buckets] = [first + last.bucket - 1, valuesOf(last, groupBy), last.bucket];
    }
  }

  private page(question: UsageQuestion, asked: Asked): Promise<readonly UsageRow[]> {
    return this.turns.take(() =>
      this.database.inOrganization(question.organizationId, (manager) => this.read(manager, question, asked)),
    );
  }

  /** The sums by bucket, and those of the groups that are shown; of the first ones only where there are too many. */
  private async series(
    manager: EntityManager,
    question: UsageQuestion,
    shown: readonly UsageRow[],
  ): Promise<{ readonly rows: readonly UsageRow[]; readonly cells: readonly CellRow[] }> {
    const { bounds, groupBy, limit } = question;
    const first = shown.slice(0, cellsMax(bounds));
    const isAll = shown.length < limit && first.length === shown.length;
    const places = isAll ? null : first.map(({ place }) => place);
    return {
      cells:
        first.length === 0 ? [] : await this.read(manager, question, { bounds, groupBy, places, sums: 'of cells' }),
      rows: await this.read(manager, question, { bounds, groupBy: [] }),
    };
  }

  /**
   * Indexes: usage_dimension_by_grain, usage_dimension_by_key, usage_event_by_start, usage_event_facts_pk,
   * usage_series_pk, refused_minute_pk, refused_quarter_pk, refused_day_pk; other roll-ups by their keys.
   */
  private async read<Sums extends UsageSelection['sums'] = 'all'>(
    manager: EntityManager,
    { organizationId, filters }: UsageQuestion,
    { bounds, ...asked }: Asked & { readonly sums?: Sums },
  ): Promise<readonly (Sums extends 'of cells' ? CellRow : UsageRow)[]> {
    if (bounds.length < 2) return [];
    const selection: UsageSelection = {
      organizationId,
      filters,
      order: null,
      limit: null,
      after: null,
      places: null,
      sums: 'all',
      reading: this.readingOf(bounds, { filters, groupBy: asked.groupBy }),
      refused: areRefusedKnown(filters, asked.groupBy)
        ? refusedSelection(bounds, this.retention.keptSince(Date.now()))
        : null,
      ...asked,
    };
    if (selection.reading.parts.length === 0) return [];
    const { text, parameters } = usageStatement(selection);
    return manager.query(text, [...parameters]);
  }

  private readingOf(bounds: readonly number[], asked: Pick<UsageQuestion, 'filters' | 'groupBy'>): UsageReading {
    const kept = this.retention.keptSince(Date.now());
    const without = ROLL_UP_UNITS.filter((unit) => !hasGrainOf(unit, asked));
    return usageReading(bounds, { ...kept, ...Object.fromEntries(without.map((unit) => [unit, Infinity])) });
  }
}

/** What is read of a question: between which bounds, and by which groups. */
type Asked = Pick<UsageQuestion, 'bounds' | 'groupBy'> & Partial<Omit<UsageSelection, 'sums' | 'reading' | 'refused'>>;

function valuesOf(row: CellRow, groupBy: readonly UsageField[]): GroupValues {
  return [row.g0 ?? null, row.g1 ?? null].slice(0, groupBy.length);
}

const groupOf = (row: UsageRow, groupBy: readonly UsageField[]): UsageGroup => ({
  values: valuesOf(row, groupBy),
  sums: usageSumsOf(row),
});

/** The sums of no call of a question. */
const nothingOf = ({ filters, groupBy }: Pick<UsageQuestion, 'filters' | 'groupBy'>): UsageSums =>
  areRefusedKnown(filters, groupBy) ? NOTHING_REFUSED : NO_USE;

/**
 * How many buckets the first page of lines is read of. Without groups each is a line. A bucket may have any number of
 * groups, all of which are summed up for a page: so it begins with one, and is twice as many as long as pages are not
 * full.
 */
const firstBuckets = (groupBy: readonly UsageField[], pageSize: number): number =>
  groupBy.length === 0 ? pageSize : 1;

/** Every bucket with its groups. Without groups a bucket is one line, also where it has no row. */
function groupsByBucket(
  question: Pick<UsageQuestion, 'filters' | 'groupBy'>,
  bounds: readonly number[],
  rows: readonly UsageRow[],
): UsageBucket[] {
  const rowsOf = groupedBy(rows, ({ bucket }) => bucket - 1);
  return bounds.slice(0, -1).map((fromMs, n) => {
    const groups = (rowsOf.get(n) ?? []).map((row) => groupOf(row, question.groupBy));
    return { fromMs, toMs: bounds[n + 1]!, sums: groups[0]?.sums ?? nothingOf(question), groups };
  });
}

/** The most groups that are shown in each bucket. */
const cellsMax = (bounds: readonly number[]): number => Math.max(1, Math.floor(CELLS_MAX / (bounds.length - 1)));

/** Every bucket, also those without calls. Rows count buckets from 1 on. */
function bucketsOf(bounds: readonly number[], rows: readonly UsageRow[], nothing: UsageSums): UsageBucket<never>[] {
  const rowOf = new Map(rows.map((row) => [row.bucket - 1, row]));
  return bounds.slice(0, -1).map((fromMs, n) => {
    const row = rowOf.get(n);
    return { fromMs, toMs: bounds[n + 1]!, sums: row === undefined ? nothing : usageSumsOf(row), groups: [] };
  });
}

function withCells(
  buckets: readonly UsageBucket<never>[],
  cells: readonly CellRow[],
  groupBy: readonly UsageField[],
): readonly UsageBucket<UsageCell>[] {
  const cellsOf = groupedBy(cells, ({ bucket }) => bucket - 1);
  return buckets.map((bucket, n) => ({
    ...bucket,
    groups: (cellsOf.get(n) ?? []).map((row) => cellOf(row, groupBy)),
  }));
}

function cellOf(row: CellRow, groupBy: readonly UsageField[]): UsageCell {
  return {
    values: valuesOf(row, groupBy),
    requests: Number(row.requests),
    inputTokens: Number(row.input_tokens),
    outputTokens: Number(row.output_tokens),
    chargeNanoUsd: BigInt(row.charge_nano_usd),
    refused: refusedIn(row),
  };
}
