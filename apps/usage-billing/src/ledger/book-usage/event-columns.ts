import {
  USAGE_RECORDED_V1_FIELDS,
  USAGE_RECORDED_V2_FIELDS,
  type FieldKind,
  type UsageRecorded,
  type UsageRecordedV2,
} from '@tollgate/contracts';
import type { ColumnType } from '../../store/binary-array.js';
import type { Column } from '../../store/insert-rows.js';
import { countedGroupIds } from './accounts-in-force.js';
import { columnName } from './column-name.js';
import type { Booking } from './decide-booking.js';

type StoredKind = Exclude<FieldKind, 'version'>;
type FieldName = keyof typeof USAGE_RECORDED_V2_FIELDS;

/** The column type for each kind of field. */
const COLUMN_TYPES: Readonly<Record<StoredKind, ColumnType>> = {
  uuid: 'uuid',
  id: 'text',
  idOrNull: 'text',
  text: 'text',
  textOrNull: 'text',
  word: 'text',
  flag: 'boolean',
  count: 'bigint',
  countOrNull: 'bigint',
  amount: 'bigint',
  amountOrNull: 'bigint',
  moment: 'timestamptz',
  json: 'jsonb',
  jsonOrNull: 'jsonb',
  jsonText: 'jsonb',
};

/** Columns whose value the booking decides, instead of the field of the event. */
const DECIDED: Partial<Record<FieldName, (booking: Booking) => unknown>> = {
  chargeNanoUsd: ({ chargeNanoUsd }) => chargeNanoUsd.toString(),
  groupIds: ({ event }) => groupsOf(event),
};

const FIELDS = Object.entries(USAGE_RECORDED_V2_FIELDS).flatMap(([name, { kind }]) =>
  kind === 'version' ? [] : [{ name: name as FieldName, kind }],
);

/**
 * The columns of `billing.usage_event` that store the event: one for each field of its latest version, in their order.
 * An event of version 1 leaves those empty that it does not have.
 */
export const EVENT_COLUMNS: readonly Column<Booking>[] = FIELDS.map(({ name, kind }) => [
  columnName(name),
  COLUMN_TYPES[kind],
  DECIDED[name] ?? (({ event }) => valueOf(event, name, kind)),
]);

/** The columns of `billing.usage_event_facts`: what version 2 has and version 1 has not, and whose event it is. */
export const FACT_COLUMNS: readonly Column<UsageRecordedV2>[] = FIELDS.filter(
  ({ name }) => name === 'requestId' || name === 'organizationId' || !(name in USAGE_RECORDED_V1_FIELDS),
).map(({ name, kind }) => [
  columnName(name),
  COLUMN_TYPES[kind],
  name === 'groupIds' ? groupsOf : (event) => valueOf(event, name, kind),
]);

function valueOf(event: UsageRecorded, name: FieldName, kind: StoredKind): unknown {
  const value = (event as Partial<UsageRecordedV2>)[name] ?? null;
  return COLUMN_TYPES[kind] === 'jsonb' ? jsonText(value) : value;
}

function groupsOf(event: UsageRecorded): string | null {
  return jsonText(countedGroupIds(event));
}

function jsonText(value: unknown): string | null {
  if (value === null) return null;
  return Array.isArray(value) && value.length === 0 ? '[]' : JSON.stringify(value);
}
