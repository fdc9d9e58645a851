import { USAGE_RECORDED_V1_FIELDS, type FieldKind, type UsageRecordedV1 } from '@tollgate/contracts';
import type { Column } from '../../store/insert-rows.js';
import type { Booking } from './decide-booking.js';

type StoredKind = Exclude<FieldKind, 'version'>;

/** The column type for each kind of field. The table `billing.usage_event` stores one version of the event. */
const COLUMN_TYPES: Readonly<Record<StoredKind, string>> = {
  uuid: 'uuid',
  id: 'text',
  text: 'text',
  word: 'text',
  flag: 'boolean',
  count: 'bigint',
  amount: 'bigint',
  amountOrNull: 'bigint',
  moment: 'timestamptz',
  json: 'jsonb',
};

/** Columns whose value the booking decides, instead of the field of the event. */
const DECIDED: Partial<Record<keyof UsageRecordedV1, (booking: Booking) => unknown>> = {
  chargeNanoUsd: ({ chargeNanoUsd }) => chargeNanoUsd.toString(),
};

/** The columns of `billing.usage_event` that store the event: one for each of its fields, in their order. */
export const EVENT_COLUMNS: readonly Column<Booking>[] = Object.entries(USAGE_RECORDED_V1_FIELDS).flatMap(
  ([name, { kind }]) => (kind === 'version' ? [] : [columnOf(name as keyof UsageRecordedV1, kind)]),
);

function columnOf(name: keyof UsageRecordedV1, kind: StoredKind): Column<Booking> {
  return [columnName(name), COLUMN_TYPES[kind], DECIDED[name] ?? fieldOf(name, kind)];
}

function fieldOf(name: keyof UsageRecordedV1, kind: StoredKind): (booking: Booking) => unknown {
  return kind === 'json' ? ({ event }) => JSON.stringify(event[name]) : ({ event }) => event[name] ?? null;
}

/** A column has the name of its field in snake case: `costNanoUsd` becomes `cost_nano_usd`. */
function columnName(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
