import { z } from 'zod';
import { ACTOR_TYPES, STREAMS } from './audit-entry.js';
import { SUBJECT_FIELD, type Json } from './audit-value.js';

const reference = z.object({ [SUBJECT_FIELD]: z.object({ subject: z.string(), digest: z.string() }) });
const fieldChange = z.object({ from: z.json(), to: z.json() });

/** The text of an entry, read. Fields that a later release has added are left out. */
export const writtenEntry = z.object({
  action: z.string(),
  // Later releases may have further kinds of actors.
  actor: z.object({ type: z.enum(ACTOR_TYPES).or(z.string()), id: z.string().nullable(), email: reference.nullable() }),
  address: reference.nullable(),
  at: z.string(),
  changes: z.record(z.string(), fieldChange),
  details: z.record(z.string(), z.json()),
  organization_id: z.string(),
  request_id: z.string().nullable(),
  sequence: z.number(),
  stream: z.enum(STREAMS),
  target: z.object({ type: z.string(), id: z.string() }),
});

/** The fields of an object of JSON; null for everything else. */
function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : null;
}

/** Reads `{"$personal": {"subject", "digest"}}`; null for everything else. */
function referenceIn(value: unknown): { readonly subject: string; readonly digest: string } | null {
  const { subject, digest } = fieldsOf(fieldsOf(value)?.[SUBJECT_FIELD]) ?? {};
  return typeof subject === 'string' && typeof digest === 'string' ? { subject, digest } : null;
}

/** All references to texts about people in the parsed text of an entry. */
export function referencesIn(value: unknown): { readonly subject: string; readonly digest: string }[] {
  const found = referenceIn(value);
  if (found !== null) return [found];
  return Object.values(fieldsOf(value) ?? {}).flatMap(referencesIn);
}

/** The value with each reference replaced by its text; null where that is erased. */
export function resolved(value: unknown, textOf: (subject: string) => string | null): Json {
  const found = referenceIn(value);
  if (found !== null) return textOf(found.subject);
  if (Array.isArray(value)) return value.map((each) => resolved(each, textOf));
  const fields = fieldsOf(value);
  if (fields === null) return value as Json;
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, resolved(field, textOf)]));
}
