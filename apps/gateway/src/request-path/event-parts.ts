import { USAGE_RECORDED_V1_FIELDS as FIELDS, type FieldSource, type FieldValues } from '@tollgate/contracts';
import { compileFields } from './compile-fields.js';

type Values<Source extends FieldSource> = FieldValues<typeof FIELDS, Source>;

/** The event's fields about the end of a call. Amounts are in nano-USD, times in milliseconds since 1970. */
export type EventEnd = Values<'end'>;

// Each of these functions writes one part of an event: JSON fields without braces.

/** The fields that all events of a gateway share. */
export const gatewayPart: (values: Values<'gateway'>) => string = compileFields(FIELDS, 'gateway');

/** The fields that all events of a key share. */
export const keyPart: (values: Values<'key'>) => string = compileFields(FIELDS, 'key');

/** The fields that all events of a target share. */
export const targetPart: (values: Values<'target'>) => string = compileFields(FIELDS, 'target');

/** The fields of one request that are known before the call. */
export const requestPart: (values: Values<'request'>) => string = compileFields(FIELDS, 'request');

/** The fields about the end of a call. */
export const endPart: (values: EventEnd) => string = compileFields(FIELDS, 'end');
