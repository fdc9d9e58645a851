import { Injectable } from '@nestjs/common';
import { oneRow, ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import type { ApiKey } from '../keys/api-key/api-key.js';
import { KeyListSql, type Candidates, type KeyQuery, type SortedPosition, type Statement } from './key-list-sql.js';
import { keyOf, SELECT_KEY, type KeyRow } from './key-row.js';

/** How far a page is looked for in one way before another one is taken. */
export interface ListBounds {
  /**
   * Fewer keys of one filter are quickly read and sorted, whatever they are sorted by. Where each filter leaves more,
   * they are one in a hundred of the keys of a large organisation, and a walk in the order of the list soon meets
   * enough of them.
   */
  readonly candidates: number;
  /** A walk goes past so many keys, which takes some 20 ms, before all that the filters leave are sorted instead. */
  readonly walk: number;
  /** The same where another table must be asked about each key, which takes longer. */
  readonly askingWalk: number;
}
const BOUNDS: ListBounds = { candidates: 5_000, walk: 10_000, askingWalk: 1_000 };

interface FoundRow {
  id: string;
  sorted: string;
}
type WalkedRow = FoundRow & { matches: boolean; boundary: boolean };

/** A key in a list, with where it stands there. */
export interface ListedKey {
  readonly key: ApiKey;
  readonly position: SortedPosition;
}

/**
 * Lists of keys. How a page is found depends on how many keys its filters leave: few are sorted, of many the first
 * ones are met on a walk in the order of the list. So no page reads all keys of a large organisation, unless the keys
 * that its filters leave are many and stand at the end of the order.
 */
@Injectable()
export class KeyListStore {
  constructor(private readonly database: ServiceDatabase) {}

  /** One page of keys that are not deleted, in the order of the query. Other bounds find the same keys. */
  async page(query: KeyQuery, bounds: ListBounds = BOUNDS): Promise<ListedKey[]> {
    return this.database.inOrganization(query.organizationId, async (manager) => {
      const found = await findPage(manager, query, bounds);
      const rows = await manager.query<KeyRow[]>(
        `${SELECT_KEY} WHERE k.id = ANY($1::uuid[]) AND k.organization_id = $2`,
        [found.map(({ id }) => id), query.organizationId],
      );
      const keys = new Map(rows.map((row) => [row.id, keyOf(row)]));
      return found.flatMap(({ id, sorted }) => {
        const key = keys.get(id);
        return key === undefined ? [] : [{ key, position: [sorted, id] as const }];
      });
    });
  }

  /** The ids of at most `count` keys that the filters leave, in the order of the query. */
  async ids(query: KeyQuery): Promise<string[]> {
    return this.database.inOrganization(query.organizationId, async (manager) =>
      (await findPage(manager, query, BOUNDS)).map(({ id }) => id),
    );
  }

  /** How many keys the filters leave. It reads all of them. */
  async count(query: Omit<KeyQuery, 'order' | 'after' | 'count'>): Promise<number> {
    const sql = new KeyListSql({ ...query, order: { by: 'created', descending: false }, after: null, count: 0 });
    return this.database.inOrganization(query.organizationId, async (manager) => {
      return oneRow(await run<{ total: number }>(manager, sql.total())).total;
    });
  }

  /** The keys of the organisation that have a secret with one of these digests. Index: api_key_secret_pk. */
  async idsByDigests(organizationId: string, digests: readonly string[]): Promise<string[]> {
    return this.database.inOrganization(organizationId, async (manager) => {
      const rows: { api_key_id: string }[] = await manager.query(
        `SELECT DISTINCT api_key_id FROM keys.api_key_secret
         WHERE digest IN (SELECT decode(d, 'hex') FROM unnest($1::text[]) AS asked (d)) AND organization_id = $2`,
        [digests, organizationId],
      );
      return rows.map((row) => row.api_key_id);
    });
  }
}

async function findPage(manager: EntityManager, query: KeyQuery, bounds: ListBounds): Promise<FoundRow[]> {
  const sql = new KeyListSql(query);
  if (sql.residual.length === 0) return (await run<WalkedRow>(manager, sql.walk(null))).slice(0, query.count);
  const few = await fewest(manager, sql, bounds.candidates);
  if (few !== null) return run<FoundRow>(manager, sql.gather(few.sql));
  const { text } = query.filters;
  const bound = sql.walksAlone ? bounds.walk : bounds.askingWalk;
  const walked = firstOf(await run<WalkedRow>(manager, sql.walk(bound)), query.count);
  if (walked !== null) return walked;
  return run<FoundRow>(manager, sql.gather(text === undefined ? null : sql.searched(text)));
}

/** The filter that leaves the fewest keys, if these are fewer than `below`. */
async function fewest(manager: EntityManager, sql: KeyListSql, below: number): Promise<Candidates | null> {
  const candidates = sql.candidates();
  if (candidates.length === 0) return null;
  const counted = oneRow(await run<Record<string, number>>(manager, sql.counts(candidates, below)));
  const sizes = candidates.map((_, at) => counted[`count_${at}`] ?? below);
  const least = Math.min(...sizes);
  return least < below ? (candidates[sizes.indexOf(least)] ?? null) : null;
}

/**
 * The first `count` keys of a walk. Behind the end of a walk that was broken off there may be others, which have not
 * been seen: null if these could be among the first.
 */
function firstOf(rows: readonly WalkedRow[], count: number): FoundRow[] | null {
  const found: FoundRow[] = [];
  for (const { id, sorted, matches, boundary } of rows) {
    if (matches) found.push({ id, sorted });
    if (found.length === count) return found;
    if (boundary) return null;
  }
  return found;
}

const run = <Row extends object>(manager: EntityManager, { text, parameters }: Statement): Promise<Row[]> =>
  manager.query<Row[]>(text, [...parameters]);
