import { USAGE_RECORDED_V2_FIELDS as FIELDS, type FieldSource, type FieldValues } from '@tollgate/contracts';
import { compileFields } from './compile-fields.js';

type Values<Source extends FieldSource> = FieldValues<typeof FIELDS, Source>;

// Each of these functions writes one part of an event: JSON fields without braces. Amounts are in nano-USD, times in
// milliseconds since 1970.

/** The fields that all events of a gateway share. */
export const gatewayPart: (values: Values<'gateway'>) => string = compileFields(FIELDS, 'gateway');

/** Facts of a key and of a request that no gateway tells yet. */
const UNTOLD_OF_KEY = { projectId: null, memberId: null, groupIds: null } as const;
const UNTOLD_OF_REQUEST = { routeGroupId: null } as const;

/** The fields that all events of a key share. */
export const keyPart: (values: Omit<Values<'key'>, keyof typeof UNTOLD_OF_KEY>) => string = compileFields(
  FIELDS,
  'key',
  UNTOLD_OF_KEY,
);

/** The fields that all events of a target share. */
export const targetPart: (values: Values<'target'>) => string = compileFields(FIELDS, 'target');

/** The fields of one request that are known before the call. */
export const requestPart: (values: Omit<Values<'request'>, keyof typeof UNTOLD_OF_REQUEST>) => string = compileFields(
  FIELDS,
  'request',
  UNTOLD_OF_REQUEST,
);

/** The values of calls whose usage has no details, as nearly all have: the usual ones of their fields. */
const PLAIN = {
  audioInputTokens: 0,
  imageInputTokens: 0,
  cachedAudioTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  audioOutputTokens: 0,
  imageOutputTokens: 0,
  toolCalls: [],
  passes: [],
  tierServed: null,
  speedServed: null,
  inferenceGeo: null,
  modelServed: null,
} as const;

/** Facts that no gateway tells yet. */
const UNTOLD = { statusCode: null, firstByteMs: null, durationMs: null } as const;

/** The values about the end of a call of which nothing is fixed. */
export type EventEnd = Omit<Values<'end'>, keyof typeof UNTOLD>;
/** The values about the end of a call whose usage has no details. */
export type PlainEnd = Omit<EventEnd, keyof typeof PLAIN>;

/** The fields about the end of a call whose usage has details. */
export const endPart: (values: EventEnd) => string = compileFields(FIELDS, 'end', UNTOLD);

/** The fields about the end of a call whose usage has none. */
export const plainEndPart: (values: PlainEnd) => string = compileFields(FIELDS, 'end', { ...PLAIN, ...UNTOLD });
