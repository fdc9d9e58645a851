import { randomBytes, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { enteringOrganization, oneRow } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import {
  entryHash,
  entryText,
  FIRST_PREVIOUS_HASH,
  INSTALLATION,
  personalOf,
  prepareEntry,
  subjectDigest,
  type AuditEntry,
  type OrganizationEntry,
  type PreparedEntry,
  type Stream,
} from './audit-entry.js';
import type { Personal, SubjectReference } from './audit-value.js';

const SALT_BYTES = 16;

/** The place in a chain that a transaction has locked. */
interface Head {
  /** How many entries the chain has after this append. */
  readonly count: string;
  readonly last_hash: string;
  readonly clock: Date;
}

/**
 * The writing side of the audit trail. An organisation's entries are a chain: each has the next number, and a hash over
 * its text and the hash before. The row of the chain's head is locked until the transaction ends, so that no two
 * entries follow the same one; writers of different organisations never wait for each other.
 *
 * @example
 * await database.inOrganization(organizationId, async (manager) => {
 *   await manager.getRepository(memberEntity).update({ organizationId, id }, { role: 'admin' });
 *   await this.audit.append(manager, organizationId, [
 *     { actor, action: 'member.updated', targetType: 'member', targetId: id, changes: changesBetween(before, after) },
 *   ]);
 * });
 */
@Injectable()
export class AuditTrail {
  /**
   * Appends entries to the trail of one organisation, in the caller's transaction; null is for what concerns none.
   * Whatever role and organisation the transaction has, it has them again afterwards. Call it after all rows are locked
   * that the transaction changes, or two transactions could wait for each other; for several organisations call
   * `appendAll`.
   */
  async append(manager: EntityManager, organizationId: string | null, entries: readonly AuditEntry[]): Promise<void> {
    await this.appendTo(manager, organizationId ?? INSTALLATION, 'changes', entries);
  }

  /** Appends to the trails of several organisations, whose heads all transactions lock in the same order. */
  async appendAll(manager: EntityManager, entries: readonly OrganizationEntry[]): Promise<void> {
    const trails = new Map<string, AuditEntry[]>();
    for (const entry of entries) {
      const id = entry.organizationId ?? INSTALLATION;
      trails.set(id, [...(trails.get(id) ?? []), entry]);
    }
    for (const [id, trail] of [...trails].sort(([one], [other]) => (one < other ? -1 : 1)))
      await this.appendTo(manager, id, 'changes', trail);
  }

  /** Appends refused calls, whose chain is another one: a change never waits for them. */
  async appendRefusals(manager: EntityManager, organizationId: string, entries: readonly AuditEntry[]): Promise<void> {
    await this.appendTo(manager, organizationId, 'refusals', entries);
  }

  private async appendTo(
    manager: EntityManager,
    organizationId: string,
    stream: Stream,
    entries: readonly AuditEntry[],
  ): Promise<void> {
    if (entries.length === 0) return;
    // An entry belongs to the organisation that it is about, which need not be the transaction's: a sign-in begins
    // outside of all of them.
    await enteringOrganization(manager, 'keys', organizationId, async () => {
      const head = await lockHead(manager, organizationId, stream, entries.length);
      const emails = await emailsOf(manager, personIdsOf(entries));
      const prepared = entries.map((entry) => prepareEntry(entry, (id) => emails.get(id) ?? null));
      const references = await subjectsOf(manager, organizationId, stream, prepared.flatMap(personalOf));
      await insertEntries(manager, organizationId, stream, head, prepared, references);
    });
  }
}

/**
 * Takes the next numbers of a chain and locks its head until the transaction ends. The time is that of the database
 * after the lock was given, and never before that of an earlier entry: entries of a chain are in the order of their
 * numbers and of their times, whichever process wrote them. Index: audit_head_pk.
 */
async function lockHead(manager: EntityManager, organizationId: string, stream: Stream, count: number): Promise<Head> {
  const rows: Head[] = await manager.query(
    `INSERT INTO keys.audit_head AS h (organization_id, stream, count, last_hash, last_at)
     VALUES ($1, $2, $3, decode($4, 'hex'), date_trunc('milliseconds', clock_timestamp()))
     ON CONFLICT ON CONSTRAINT audit_head_pk DO UPDATE
       SET count = h.count + $3, last_at = greatest(h.last_at, date_trunc('milliseconds', clock_timestamp()))
     RETURNING count, encode(last_hash, 'hex') AS last_hash, last_at AS clock`,
    [organizationId, stream, count, FIRST_PREVIOUS_HASH],
  );
  return oneRow(rows);
}

const personIdsOf = (entries: readonly AuditEntry[]): string[] => [
  ...new Set(entries.flatMap(({ actor: { principal } }) => (principal?.kind === 'person' ? [principal.personId] : []))),
];

/** Index: person_pk. */
async function emailsOf(manager: EntityManager, personIds: readonly string[]): Promise<Map<string, string>> {
  if (personIds.length === 0) return new Map();
  const rows: { id: string; email: string }[] = await manager.query(
    'SELECT id, email FROM keys.person WHERE id = ANY($1::uuid[])',
    [personIds],
  );
  return new Map(rows.map(({ id, email }) => [id, email]));
}

/**
 * The references of texts about people, by `Personal.key`: a text has one row in a chain, and what is not there yet is
 * added. No other transaction adds to this chain, since its head is locked. Index: audit_subject_by_text.
 */
async function subjectsOf(
  manager: EntityManager,
  organizationId: string,
  stream: Stream,
  personal: readonly Personal[],
): Promise<Map<string, SubjectReference>> {
  const asked = [...new Map(personal.map((each) => [each.key, each])).values()];
  if (asked.length === 0) return new Map();
  const rows: { id: string; kind: string; about: string; text: string; salt: Buffer }[] = await manager.query(
    `SELECT s.id, s.kind, s.about, s.text, s.salt FROM keys.audit_subject AS s
     JOIN unnest($3::text[], $4::text[], $5::text[]) AS asked (kind, about, text)
       ON s.kind = asked.kind AND s.about = asked.about AND s.text = asked.text
     WHERE s.organization_id = $1 AND s.stream = $2`,
    [
      organizationId,
      stream,
      asked.map(({ kind }) => kind),
      asked.map(({ about }) => about),
      asked.map(({ text }) => text),
    ],
  );
  const keyOf = ({ kind, about, text }: (typeof rows)[number]): string => JSON.stringify([kind, about, text]);
  const found = new Map(
    rows.map((row) => [keyOf(row), { subject: row.id, digest: subjectDigest(row.salt, row.text) }]),
  );
  const missing = asked.filter(({ key }) => !found.has(key));
  const added = missing.map((each) => ({ ...each, key: each.key, id: randomUUID(), salt: randomBytes(SALT_BYTES) }));
  await insertSubjects(manager, organizationId, stream, added);
  for (const { key, id, salt, text } of added) found.set(key, { subject: id, digest: subjectDigest(salt, text) });
  return found;
}

async function insertSubjects(
  manager: EntityManager,
  organizationId: string,
  stream: Stream,
  added: readonly (Pick<Personal, 'kind' | 'about' | 'text'> & { readonly id: string; readonly salt: Buffer })[],
): Promise<void> {
  if (added.length === 0) return;
  await manager.query(
    `INSERT INTO keys.audit_subject (organization_id, stream, id, kind, about, text, salt)
     SELECT $1, $2, id, kind, about, text, decode(salt, 'hex')
     FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[]) AS added (id, kind, about, text, salt)`,
    [
      organizationId,
      stream,
      added.map(({ id }) => id),
      added.map(({ kind }) => kind),
      added.map(({ about }) => about),
      added.map(({ text }) => text),
      added.map(({ salt }) => salt.toString('hex')),
    ],
  );
}

async function insertEntries(
  manager: EntityManager,
  organizationId: string,
  stream: Stream,
  head: Head,
  prepared: readonly PreparedEntry[],
  references: ReadonlyMap<string, SubjectReference>,
): Promise<void> {
  let hash = head.last_hash;
  let seq = Number(head.count) - prepared.length;
  const rows = prepared.map((each) => {
    seq += 1;
    const at = each.entry.at ?? head.clock;
    const text = entryText(each, { organizationId, stream, seq, at }, (personal) => referenceIn(references, personal));
    const previous = hash;
    hash = entryHash(previous, text);
    return { ...each, seq, at, text, previous, hash };
  });
  await manager.query(
    `WITH head AS (
       UPDATE keys.audit_head SET last_hash = decode($3, 'hex') WHERE organization_id = $1 AND stream = $2)
     INSERT INTO keys.audit_entry
       (organization_id, stream, seq, at, actor, action, target_type, target_id, request_id, entry, prev_hash, hash)
     SELECT $1, $2, seq, at, actor, action, target_type, target_id, request_id, entry, decode(prev_hash, 'hex'), decode(hash, 'hex')
     FROM unnest($4::bigint[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[])
       AS e (seq, at, actor, action, target_type, target_id, request_id, entry, prev_hash, hash)`,
    [
      organizationId,
      stream,
      hash,
      rows.map((row) => row.seq),
      rows.map((row) => row.at),
      rows.map((row) => row.actor),
      rows.map((row) => row.action),
      rows.map((row) => row.targetType),
      rows.map((row) => row.targetId),
      rows.map((row) => row.requestId),
      rows.map((row) => row.text),
      rows.map((row) => row.previous),
      rows.map((row) => row.hash),
    ],
  );
}

function referenceIn(references: ReadonlyMap<string, SubjectReference>, personal: Personal): SubjectReference {
  const reference = references.get(personal.key);
  if (reference === undefined) throw new Error('a text about a person was not stored before its entry');
  return reference;
}
