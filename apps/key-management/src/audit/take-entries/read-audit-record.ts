import { unreachable } from '@tollgate/errors';
import type { Principal } from '@tollgate/access';
import { auditRecordedV1, ledgerId, PERSONAL_FIELD, type AuditRecordedV1 } from '@tollgate/contracts';
import { z } from 'zod';
import { changesBetween, type OrganizationEntry } from '../audit-entry.js';
import { Personal, type AuditValue, type Json } from '../audit-value.js';

/** Nothing that a service tells of comes near this. */
const RECORD_LENGTH_MAX = 200_000;

/** An entry that another service has told of. */
export interface ToldEntry extends OrganizationEntry {
  readonly entryId: string;
}

/** Reads messages of `audit.recorded.v1`. What cannot be read costs one message, and does not stop those behind it. */
export function readAuditRecords(
  values: readonly string[],
  now: Date,
): { readonly entries: readonly ToldEntry[]; readonly unreadable: number } {
  const read = values.map((value) => recordOf(value));
  const readable = read.filter((record) => record !== null);
  return { entries: readable.map((record) => entryOf(record, now)), unreadable: read.length - readable.length };
}

function recordOf(value: string): AuditRecordedV1 | null {
  if (value.length > RECORD_LENGTH_MAX) return null;
  try {
    const record = auditRecordedV1.parse(JSON.parse(value));
    return record.organizationId === null || ledgerId.safeParse(record.organizationId).success ? record : null;
  } catch {
    return null;
  }
}

function entryOf(record: AuditRecordedV1, now: Date): ToldEntry {
  const { entryId, organizationId, actor, address, requestId, action, target, before, after, details } = record;
  return {
    entryId,
    organizationId,
    actor: { principal: principalOf(actor, organizationId ?? ''), address, requestId },
    action,
    targetType: target.type,
    targetId: target.id,
    changes: changesBetween(before && fieldsOf(before), after && fieldsOf(after)),
    details: fieldsOf(details),
    // The clock of another process may be ahead.
    at: new Date(Math.min(Date.parse(record.at), now.getTime())),
  };
}

/** Only the id is known of a caller here; the trail asks for no more. */
function principalOf({ type, id }: AuditRecordedV1['actor'], organizationId: string): Principal | null {
  switch (type) {
    case 'operator':
      return { kind: 'operator', organizationId };
    case 'api_key':
      return { kind: 'api_key', apiKeyId: id ?? '', organizationId, scopes: [] };
    case 'person':
      return { kind: 'person', personId: id ?? '', sessionId: '', organizationId, role: null, provenAtMs: 0 };
    case 'tollgate':
      return null;
    default:
      return unreachable(type);
  }
}

const personal = z.strictObject({
  [PERSONAL_FIELD]: z.object({ kind: z.enum(['address', 'email', 'name']), text: z.string() }),
});

const fieldsOf = (fields: Readonly<Record<string, Json>>): Record<string, AuditValue> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, valueOf(value)]));

function valueOf(value: Json): AuditValue {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((each: Json) => valueOf(each));
  const text = personal.safeParse(value).data?.[PERSONAL_FIELD];
  return text === undefined ? fieldsOf(value as Record<string, Json>) : new Personal(text.kind, text.text);
}
