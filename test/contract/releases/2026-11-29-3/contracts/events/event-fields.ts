import { z } from 'zod';

/**
 * What a field is, whatever its name: from it follow its JSON, its column in the ledger, and what has to be replaced
 * before it can be booked.
 *
 * version         the number of the event's version; no column uuid, id        what something is found by; `idOrNull`
 * may be absent text            words for people: nothing is found by them, and nothing is owed by them; `textOrNull`
 * may be absent word            one of a closed list flag, count     a boolean; a whole number; `countOrNull` may be
 * absent amount          whole nano-USD as a decimal string; `amountOrNull` may be absent moment          RFC 3339 in
 * UTC with milliseconds json            a value with a structure of its own; `jsonOrNull` may be absent, and the writer
 * of `jsonText` gives text
 *                 that is JSON already
 */
export type FieldKind =
  | 'version'
  | 'uuid'
  | 'id'
  | 'idOrNull'
  | 'text'
  | 'textOrNull'
  | 'word'
  | 'flag'
  | 'count'
  | 'countOrNull'
  | 'amount'
  | 'amountOrNull'
  | 'moment'
  | 'json'
  | 'jsonOrNull'
  | 'jsonText';

/**
 * Whose fact a field is, and so from when on it is known: the gateway's process; the key; the request; the target that
 * it is sent to. Only what is known at the `end` of the call is missing in the intent that the journal has before it.
 */
export type FieldSource = 'gateway' | 'key' | 'request' | 'target' | 'end';

export interface EventField<
  Source extends FieldSource = FieldSource,
  Kind extends FieldKind = FieldKind,
  Schema extends z.ZodType = z.ZodType,
> {
  readonly source: Source;
  readonly kind: Kind;
  readonly schema: Schema;
  /** Whether the field was added to its version later, so that events of former releases do not have it. */
  readonly optional: boolean;
  /** The value that nearly all events have, which a writer may leave out and a reader fills in; not of other fields. */
  readonly usual?: unknown;
}

/** All fields of one version of an event, in the order in which the event has them. */
export type EventFields = Readonly<Record<string, EventField>>;

/** One line of a table. */
export function field<Source extends FieldSource, Kind extends FieldKind, Schema extends z.ZodType>(
  source: Source,
  kind: Kind,
  schema: Schema,
): EventField<Source, Kind, Schema> {
  return { source, kind, schema, optional: false };
}

/** A line for a field that was added to a version later. A writer leaves it out where it is undefined. */
export function optionalField<Source extends FieldSource, Kind extends FieldKind, Schema extends z.ZodType>(
  source: Source,
  kind: Kind,
  schema: Schema,
): EventField<Source, Kind, z.ZodOptional<Schema>> {
  return { source, kind, schema: schema.optional(), optional: true };
}

/** A line for a field that a writer may leave out where it has its usual value. A reader finds that value there. */
export function usualField<Source extends FieldSource, Kind extends FieldKind, Schema extends z.ZodType>(
  source: Source,
  kind: Kind,
  schema: Schema,
  usual: z.util.NoUndefined<z.output<Schema>>,
): EventField<Source, Kind, z.ZodDefault<Schema>> & { readonly usual: unknown } {
  return { source, kind, schema: schema.default(usual), optional: false, usual };
}

/** The names of the fields that are facts of `Source`. */
export type FieldsFrom<Fields extends EventFields, Source extends FieldSource> = {
  [Name in keyof Fields]: Fields[Name]['source'] extends Source ? Name : never;
}[keyof Fields] &
  string;

/** The names of the fields of some kinds. */
export type FieldsOfKind<Fields extends EventFields, Kind extends FieldKind> = {
  [Name in keyof Fields]: Fields[Name]['kind'] extends Kind ? Name : never;
}[keyof Fields] &
  string;

/** What a writer of the event is given for a field: amounts in nano-USD, moments in milliseconds since 1970. */
type FieldValue<Field extends EventField> = Field['kind'] extends 'amount'
  ? bigint
  : Field['kind'] extends 'amountOrNull'
    ? bigint | null
    : Field['kind'] extends 'moment'
      ? number
      : Field['kind'] extends 'jsonText'
        ? string
        : Readonly<z.input<Field['schema']>>;

/** The values of all fields that are facts of `Source`: none may be missing. */
export type FieldValues<Fields extends EventFields, Source extends FieldSource> = {
  readonly [Name in FieldsFrom<Fields, Source>]: FieldValue<Fields[Name]>;
};

type Shape<Fields extends EventFields, Name extends keyof Fields = keyof Fields> = {
  [Each in Name]: Fields[Each]['schema'];
};

/** The schema of an event. It is for reading, so it passes over unknown fields. */
export function eventSchema<Fields extends EventFields>(fields: Fields): z.ZodObject<Shape<Fields>> {
  return z.object(shapeOf(Object.entries(fields))) as unknown as z.ZodObject<Shape<Fields>>;
}

/** The schema of an event without the facts of one source. */
export function eventSchemaWithout<Fields extends EventFields, Source extends FieldSource>(
  fields: Fields,
  source: Source,
): z.ZodObject<Shape<Fields, Exclude<keyof Fields, FieldsFrom<Fields, Source>>>> {
  const left = Object.entries(fields).filter(([, each]) => each.source !== source);
  return z.object(shapeOf(left)) as unknown as z.ZodObject<
    Shape<Fields, Exclude<keyof Fields, FieldsFrom<Fields, Source>>>
  >;
}

const shapeOf = (entries: [string, EventField][]): Record<string, z.ZodType> =>
  Object.fromEntries(entries.map(([name, { schema }]) => [name, schema]));

/** The fields that are facts of one source, in the order of the table. */
export function fieldsFrom<Fields extends EventFields, Source extends FieldSource>(
  fields: Fields,
  source: Source,
): readonly (Pick<EventField, 'kind' | 'optional' | 'usual'> & { readonly name: FieldsFrom<Fields, Source> })[] {
  return Object.entries(fields)
    .filter(([, each]) => each.source === source)
    .map(([name, each]) => ({ ...each, name: name as FieldsFrom<Fields, Source> }));
}

/** The names of the fields of some kinds, in the order of the table. */
export function fieldsOfKind<Fields extends EventFields, Kind extends FieldKind>(
  fields: Fields,
  ...kinds: readonly Kind[]
): readonly FieldsOfKind<Fields, Kind>[] {
  return Object.entries(fields)
    .filter(([, { kind }]) => (kinds as readonly FieldKind[]).includes(kind))
    .map(([name]) => name as FieldsOfKind<Fields, Kind>);
}
