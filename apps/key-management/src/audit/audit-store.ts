import { Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { STREAMS, type Stream } from './audit-entry.js';
import { EMPTY_CHAIN, type ChainHead, type StoredEntry, type StoredSubject } from './chain-verifier.js';
import { referencesIn } from './read-entry.js';

/** What is asked of a list of entries; null asks for all. */
export interface AuditFilters {
  /** The id of a person or a key, or the type of an actor that has no id. */
  readonly actor: string | null;
  readonly action: string | null;
  readonly targetType: string | null;
  readonly targetId: string | null;
  readonly requestId: string | null;
  readonly stream: Stream | null;
  /** Moments; `from` is the first that counts, `to` the first that does not. */
  readonly from: string | null;
  readonly to: string | null;
}

/** Where a page ended: the time of its last entry, its chain and its number, as text. */
export type EntryPosition = readonly [at: string, stream: Stream, seq: string];

/** An entry with the texts about people that it refers to. */
export interface ReadEntry extends StoredEntry {
  readonly stream: Stream;
  readonly previousHash: string;
  readonly subjects: ReadonlyMap<string, StoredSubject>;
}

interface EntryRow {
  stream: Stream;
  seq: string;
  at: Date;
  actor: string;
  action: string;
  target_type: string;
  target_id: string;
  request_id: string | null;
  entry: string;
  prev_hash: string;
  hash: string;
}

/** The head of a chain, and the numbers of the first and the last entry that are there; 0 if there are none. */
export interface StoredHead extends ChainHead {
  readonly first: number;
  readonly last: number;
}

interface HeadRow {
  stream: Stream;
  count: string | null;
  last_hash: string | null;
  first: string | null;
  last: string | null;
}

const SELECT = `SELECT stream, seq, at, actor, action, target_type, target_id, request_id, entry,
    encode(prev_hash, 'hex') AS prev_hash, encode(hash, 'hex') AS hash
  FROM keys.audit_entry`;

/** Only what is asked for stands in the statement, so that each filter gets the plan of its own index. */
function conditionsOf(
  organizationId: string,
  { actor, action, targetType, targetId, requestId, stream, from, to }: AuditFilters,
  after: EntryPosition | null,
): { readonly where: string; readonly parameters: string[] } {
  const given = [
    ['actor =', actor],
    ['action =', action],
    ['target_type =', targetType],
    ['target_id =', targetId],
    ['request_id =', requestId],
    ['stream =', stream],
    ['at >=', from],
    ['at <', to],
  ].filter((each): each is [string, string] => each[1] !== null);
  const parameters = [organizationId, ...given.map(([, value]) => value), ...(after ?? [])];
  const conditions = ['organization_id = $1', ...given.map(([condition], n) => `${condition} $${n + 2}`)];
  const next = given.length + 2;
  if (after !== null)
    conditions.push(`(at, stream, seq) < ($${next}::timestamptz, $${next + 1}, $${next + 2}::bigint)`);
  return { where: conditions.join(' AND '), parameters };
}

/** Reads the chains of one organisation. `INSTALLATION` is the organisation of those that are about none. */
@Injectable()
export class AuditStore {
  constructor(private readonly database: ServiceDatabase) {}

  /**
   * Entries, newest first, behind `after`; null begins with the newest. Each filter has an index in the order of the
   * list. Index: audit_entry_by_time, audit_entry_by_actor, audit_entry_by_action, audit_entry_by_target_type,
   * audit_entry_by_target, audit_entry_by_request.
   */
  async page(
    organizationId: string,
    filters: AuditFilters,
    limit: number,
    after: EntryPosition | null,
  ): Promise<ReadEntry[]> {
    const { where, parameters } = conditionsOf(organizationId, filters, after);
    return this.database.inOrganization(organizationId, async (manager) => {
      const rows: EntryRow[] = await manager.query(
        `${SELECT} WHERE ${where} ORDER BY at DESC, stream DESC, seq DESC LIMIT ${limit}`,
        parameters,
      );
      return withSubjects(manager, organizationId, rows);
    });
  }

  /**
   * Entries of one chain in its order, behind the number `after` and up to `last`. Where a number occurs twice, which
   * no constraint lets happen, its entries come together. Index: audit_entry_pk.
   */
  async chainPart(
    organizationId: string,
    stream: Stream,
    { after, last, limit }: { readonly after: number; readonly last: number; readonly limit: number },
  ): Promise<ReadEntry[]> {
    return this.database.inOrganization(organizationId, async (manager) => {
      const rows: EntryRow[] = await manager.query(
        `${SELECT} WHERE organization_id = $1 AND stream = $2 AND seq > $3 AND seq <= $4 ORDER BY seq LIMIT $5`,
        [organizationId, stream, after, last, limit + 1],
      );
      const [ended, next] = rows.slice(limit - 1);
      const part = ended !== undefined && next?.seq === ended.seq ? rows : rows.slice(0, limit);
      return withSubjects(manager, organizationId, part);
    });
  }

  /**
   * What each chain should have by its head, and has. One statement reads both. Index: audit_head_pk, audit_entry_pk.
   */
  async heads(organizationId: string): Promise<Readonly<Record<Stream, StoredHead>>> {
    const rows = await this.database.inOrganization<HeadRow[]>(organizationId, (manager) =>
      manager.query(
        `SELECT asked.stream, h.count, encode(h.last_hash, 'hex') AS last_hash,
           (SELECT min(seq) FROM keys.audit_entry AS e WHERE e.organization_id = $1 AND e.stream = asked.stream) AS first,
           (SELECT max(seq) FROM keys.audit_entry AS e WHERE e.organization_id = $1 AND e.stream = asked.stream) AS last
         FROM unnest($2::text[]) AS asked (stream)
         LEFT JOIN keys.audit_head AS h ON h.organization_id = $1 AND h.stream = asked.stream`,
        [organizationId, STREAMS],
      ),
    );
    const headOf = (stream: Stream): StoredHead => {
      const row = rows.find((each) => each.stream === stream);
      return {
        count: Number(row?.count ?? 0),
        lastHash: row?.last_hash ?? EMPTY_CHAIN.lastHash,
        first: Number(row?.first ?? 0),
        last: Number(row?.last ?? 0),
      };
    };
    return { changes: headOf('changes'), refusals: headOf('refusals') };
  }

  /** All organisations that have entries or a head, also one whose head somebody has deleted. */
  async organizations(): Promise<string[]> {
    const rows = await this.database.acrossOrganizations<{ organization_id: string }[]>((manager) =>
      manager.query(
        `SELECT organization_id FROM keys.audit_head UNION SELECT organization_id FROM keys.audit_entry ORDER BY 1`,
      ),
    );
    return rows.map((row) => row.organization_id);
  }
}

/** Index: audit_subject_pk. */
async function withSubjects(manager: EntityManager, organizationId: string, rows: EntryRow[]): Promise<ReadEntry[]> {
  const referred = rows.map((row) => referencesOf(row.entry));
  const ids = [...new Set(referred.flat())];
  const found: StoredSubject[] =
    ids.length === 0
      ? []
      : await manager.query(
          `SELECT id, text, salt FROM keys.audit_subject WHERE organization_id = $1 AND id = ANY($2::uuid[])`,
          [organizationId, ids],
        );
  const subjects = new Map(found.map((each) => [each.id, each]));
  return rows.map((row, n) => readEntryOf(row, referred[n] ?? [], subjects));
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The ids of the texts about people in an entry. What somebody has broken has none: the verifier says what it is. */
function referencesOf(text: string): string[] {
  try {
    return referencesIn(JSON.parse(text)).flatMap(({ subject }) => (UUID.test(subject) ? [subject] : []));
  } catch {
    return [];
  }
}

function readEntryOf(
  row: EntryRow,
  referred: readonly string[],
  subjects: ReadonlyMap<string, StoredSubject>,
): ReadEntry {
  return {
    stream: row.stream,
    seq: Number(row.seq),
    text: row.entry,
    hash: row.hash,
    previousHash: row.prev_hash,
    subjects: new Map(referred.flatMap((id) => (subjects.has(id) ? [[id, subjects.get(id)!] as const] : []))),
    columns: {
      actor: row.actor,
      action: row.action,
      targetType: row.target_type,
      targetId: row.target_id,
      requestId: row.request_id,
      previousHash: row.prev_hash,
      atMs: row.at.getTime(),
    },
  };
}
