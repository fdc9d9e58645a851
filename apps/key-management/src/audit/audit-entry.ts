import { createHash, createHmac } from 'node:crypto';
import type { Actor } from '@tollgate/auth';
import { asLedgerText } from '@tollgate/contracts';
import { unreachable } from '@tollgate/errors';
import { canonicalJson, jsonOf, Personal, personalIn, type AuditValue, type SubjectReference } from './audit-value.js';

/**
 * Each organisation has two chains: what was changed, and what was refused. So a flood of refused calls never makes a
 * change wait.
 */
export const STREAMS = ['changes', 'refusals'] as const;
export type Stream = (typeof STREAMS)[number];

/** Stands for an organisation in entries about none, such as the sign-in of somebody who belongs to none. */
export const INSTALLATION = 'installation';

/** One field before and after a change; null where it was or is not set. */
export interface FieldChange {
  readonly from: AuditValue;
  readonly to: AuditValue;
}

/** Something that was done, for the audit trail. It never has a secret in it. */
export interface AuditEntry {
  readonly actor: Actor;
  /** What was done to what, such as `api_key.revoked`. At most 100 characters. */
  readonly action: string;
  /** The kind of thing, such as `api_key`. At most 100 characters. */
  readonly targetType: string;
  readonly targetId: string;
  /** Each field that has changed. `changesBetween` makes it. Put names and addresses of people into a `Personal`. */
  readonly changes?: Readonly<Record<string, FieldChange>>;
  /** What else there is to say, such as a reason. Put names and addresses of people into a `Personal`. */
  readonly details?: Readonly<Record<string, AuditValue>>;
  /** When it happened, if that was before this transaction; left out, it is now by the clock of the database. */
  readonly at?: Date;
}

/** An entry with the organisation whose trail it belongs to; null for none. */
export interface OrganizationEntry extends AuditEntry {
  readonly organizationId: string | null;
}

type Fields = Readonly<Record<string, AuditValue>>;

/**
 * The fields that differ. Null stands for what did not exist before, or does not exist any more.
 *
 * @example
 * changesBetween({ name: 'a', role: 'member' }, { name: 'a', role: 'admin' })
 * // { role: { from: 'member', to: 'admin' } }
 */
export function changesBetween(before: Fields | null, after: Fields | null): Record<string, FieldChange> {
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  const changes = [...names].map(
    (name) => [name, { from: before?.[name] ?? null, to: after?.[name] ?? null }] as const,
  );
  return Object.fromEntries(changes.filter(([, { from, to }]) => comparable(from) !== comparable(to)));
}

const comparable = (value: AuditValue): string =>
  canonicalJson(jsonOf(value, ({ kind, text }) => ({ subject: kind, digest: text })));

/** Where an entry stands in its chain. */
export interface EntryPlace {
  readonly organizationId: string;
  readonly stream: Stream;
  /** From 1 on, without gaps. */
  readonly seq: number;
  readonly at: Date;
}

/** The columns by which entries are found. The verifier compares them with the text. */
export interface EntryColumns {
  readonly actor: string;
  readonly action: string;
  readonly targetType: string;
  readonly targetId: string;
  readonly requestId: string | null;
}

/** An entry whose texts about people are known, ready to be written. */
export interface PreparedEntry extends EntryColumns {
  readonly actorType: ActorType;
  readonly actorId: string | null;
  readonly email: Personal | null;
  readonly address: Personal | null;
  readonly entry: AuditEntry;
}

/** Who can be the actor of an entry; `unknown` is a caller without a valid credential. */
export const ACTOR_TYPES = ['admin_secret', 'api_key', 'person', 'tollgate', 'unknown'] as const;
type ActorType = (typeof ACTOR_TYPES)[number];

const ACTION_LENGTH_MAX = 100;
const ID_LENGTH_MAX = 200;
const bounded = (text: string, length: number): string => asLedgerText(text).slice(0, length);

/** `emailOf` gives the address of a person at this moment. */
export function prepareEntry(entry: AuditEntry, emailOf: (personId: string) => string | null): PreparedEntry {
  const [actorType, actorId] = actorOfEntry(entry.actor);
  const about = actorType === 'person' ? (actorId ?? '') : '';
  const email = actorType === 'person' && actorId !== null ? emailOf(actorId) : null;
  return {
    entry,
    actorType,
    actorId,
    actor: actorId ?? actorType,
    action: bounded(entry.action, ACTION_LENGTH_MAX),
    targetType: bounded(entry.targetType, ACTION_LENGTH_MAX),
    targetId: bounded(entry.targetId, ID_LENGTH_MAX),
    requestId: entry.actor.requestId === null ? null : bounded(entry.actor.requestId, ID_LENGTH_MAX),
    email: email === null ? null : new Personal('email', email, about),
    address: entry.actor.address === null ? null : new Personal('address', entry.actor.address, about),
  };
}

function actorOfEntry({ principal, requestId }: Actor): [ActorType, string | null] {
  // What no request has asked for, Tollgate does by itself.
  if (principal === null) return [requestId === null ? 'tollgate' : 'unknown', null];
  switch (principal.kind) {
    case 'operator':
      return ['admin_secret', null];
    case 'api_key':
      return ['api_key', principal.apiKeyId];
    case 'person':
      return ['person', principal.personId];
    default:
      return unreachable(principal);
  }
}

/** All texts about people that an entry has. */
export const personalOf = ({ email, address, entry }: PreparedEntry): Personal[] => [
  ...(email === null ? [] : [email]),
  ...(address === null ? [] : [address]),
  ...Object.values(entry.changes ?? {}).flatMap(({ from, to }) => [...personalIn(from), ...personalIn(to)]),
  ...Object.values(entry.details ?? {}).flatMap(personalIn),
];

/** The exact text of an entry: canonical JSON with everything that is shown of it. Its hash is over these bytes. */
export function entryText(
  prepared: PreparedEntry,
  { organizationId, stream, seq, at }: EntryPlace,
  referenceOf: (personal: Personal) => SubjectReference,
): string {
  const { action, actorType, actorId, address, email, entry, requestId, targetId, targetType } = prepared;
  const changes = Object.entries(entry.changes ?? {}).map(([name, { from, to }]) => [name, { from, to }] as const);
  const fields = {
    action,
    actor: { type: actorType, id: actorId, email },
    address,
    at,
    changes: Object.fromEntries(changes),
    details: entry.details ?? {},
    organization_id: organizationId,
    request_id: requestId,
    sequence: seq,
    stream,
    target: { type: targetType, id: targetId },
  };
  return canonicalJson(jsonOf(fields, referenceOf));
}

/** Before the first entry of a chain. */
export const FIRST_PREVIOUS_HASH = '0'.repeat(64);

/** The hash of an entry: SHA-256 over the 64 hex digits of the hash before and the text, as hex. */
export const entryHash = (previousHash: string, text: string): string =>
  createHash('sha256').update(previousHash).update(text).digest('hex');

/** The digest that binds a text about a person to the entries that name it. */
export const subjectDigest = (salt: Buffer, text: string): string =>
  createHmac('sha256', salt).update(text).digest('hex');
