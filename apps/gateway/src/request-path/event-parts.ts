import { USAGE_RECORDED_V2_FIELDS as FIELDS, type FieldSource, type FieldValues } from '@tollgate/contracts';
import { compileFields } from './compile-fields.js';

type Values<Source extends FieldSource> = FieldValues<typeof FIELDS, Source>;

// Each of these functions writes one part of an event: JSON fields without braces. Amounts are in nano-USD, times in
// milliseconds since 1970.

/** The fields that all events of a gateway share. */
export const gatewayPart: (values: Values<'gateway'>) => string = compileFields(FIELDS, 'gateway');

type OfKey = Values<'key'>;
/** Facts that many keys lack: their usual values are left out. */
const LACKING = { projectId: null, memberId: null, groupIds: null } as const;
type Lacking = keyof typeof LACKING;
const KEY_PARTS = new Map<string, (values: OfKey) => string>();

/** The fields that all events of a key share. */
export function keyPart(values: OfKey): string {
  const lacking = (Object.keys(LACKING) as Lacking[]).filter((name) => values[name] === null);
  let write = KEY_PARTS.get(lacking.join());
  if (write === undefined) {
    const fixed = Object.fromEntries(lacking.map((name) => [name, LACKING[name]])) as typeof LACKING;
    write = compileFields(FIELDS, 'key', fixed) as (values: OfKey) => string;
    KEY_PARTS.set(lacking.join(), write);
  }
  return write(values);
}

/** The fields that all events of a target share. */
export const targetPart: (values: Values<'target'>) => string = compileFields(FIELDS, 'target');

/** The fields of one request that are known before the call, on a route that is open to everyone. */
export const requestPart: (values: Omit<Values<'request'>, 'routeGroupId' | 'otherRouteGroupIds'>) => string =
  compileFields(FIELDS, 'request', { routeGroupId: null, otherRouteGroupIds: undefined });
/** The same on a route that groups opened to the key. */
export const openedRequestPart: (values: Values<'request'>) => string = compileFields(FIELDS, 'request');

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

/** The values about the end of a call. */
export type EventEnd = Values<'end'>;
/** The values about the end of a call whose usage has no details. */
export type PlainEnd = Omit<EventEnd, keyof typeof PLAIN>;

/** The fields about the end of a call whose usage has details. */
export const endPart: (values: EventEnd) => string = compileFields(FIELDS, 'end');

/** The fields about the end of a call whose usage has none. */
export const plainEndPart: (values: PlainEnd) => string = compileFields(FIELDS, 'end', PLAIN);
