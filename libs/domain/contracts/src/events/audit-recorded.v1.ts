import { z } from 'zod';
import { id, instant } from '../primitives.js';

/**
 * Bus topic; key `organizationId`, or `installation` where it concerns none; from usage-billing to key-management,
 * which keeps the audit trail: something was done. Its id makes it one entry, however often it comes.
 */
export const AUDIT_RECORDED_V1 = 'audit.recorded.v1';

/** Who can have done it; `tollgate` is what no request has asked for. */
const AUDIT_ACTORS = ['operator', 'api_key', 'person', 'tollgate'] as const;

/**
 * The name of the only field of a text about a person, such as `{"$personal": {"kind": "email", "text": "a@b.org"}}`:
 * key-management keeps it beside the chain, where it can be erased.
 */
export const PERSONAL_FIELD = '$personal';

const fields = z.record(z.string().max(100), z.json());

export const auditRecordedV1 = z.object({
  eventVersion: z.literal(1),
  entryId: z.uuid(),
  /** Whose trail it belongs to; null for what concerns the whole installation. */
  organizationId: id.nullable(),
  /** When it was done. */
  at: instant,
  /** The id is that of a person or a key. */
  actor: z.object({ type: z.enum(AUDIT_ACTORS), id: id.nullable() }),
  /** Where the request came from, and its id; null for what no request has asked for. */
  address: z.string().max(200).nullable(),
  requestId: z.string().max(200).nullable(),
  /** What was done to what, such as `credit_grant.created`. */
  action: z.string().min(1).max(100),
  target: z.object({ type: z.string().min(1).max(100), id }),
  /** The fields of the target before and after; null where there was or is none. No secret stands in them. */
  before: fields.nullable(),
  after: fields.nullable(),
  /** What else there is to say. */
  details: fields,
});
/** Something that was done, as `audit.recorded.v1` carries it. */
export type AuditRecordedV1 = z.infer<typeof auditRecordedV1>;
