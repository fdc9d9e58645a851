import { USAGE_RECORDED_V1_FIELDS as FIELDS, type FieldSource, type FieldValues } from '@tollgate/contracts';
import { compileFields } from './compile-fields.js';

type Values<Source extends FieldSource> = FieldValues<typeof FIELDS, Source>;

/** How a call ended, in the words of its event. Amounts in nano-USD, moments in milliseconds since 1970. */
export type EventEnd = Values<'end'>;

// The parts of an event's text: fields of JSON without braces.

/** What every event of a gateway says of it. */
export const gatewayPart: (values: Values<'gateway'>) => string = compileFields(FIELDS, 'gateway');

/** What every event of a key says of it. */
export const keyPart: (values: Values<'key'>) => string = compileFields(FIELDS, 'key');

/** What every event of a target says of it. */
export const targetPart: (values: Values<'target'>) => string = compileFields(FIELDS, 'target');

/** What an event says of its request, known before the call. */
export const requestPart: (values: Values<'request'>) => string = compileFields(FIELDS, 'request');

/** What an event says of how its call ended. */
export const endPart: (values: EventEnd) => string = compileFields(FIELDS, 'end');
