import { KEY_TYPES } from '@tollgate/api-key';
import type { KeyState } from '../keys/api-key/api-key.js';

/** What a list of keys can be sorted by. */
export const KEY_SORTS = ['name', 'created', 'last_used', 'spend', 'expiry'] as const;
export type KeySort = (typeof KEY_SORTS)[number];

/** The order of a list: by one value, and where that is equal by the id, both in the same direction. */
export interface KeyOrder {
  readonly by: KeySort;
  readonly descending: boolean;
}

/** Who made a key; the operator has no id. */
export type KeyMaker = { readonly kind: 'operator' } | { readonly id: string };

/** What is asked of keys; all that is given must hold. Moments are RFC 3339. */
export interface KeyFilters {
  /** A text that their name, description, masked secrets or id have in them, or begin with where it is short. */
  readonly text?: SearchText | undefined;
  /** They are among these. */
  readonly ids?: readonly string[] | undefined;
  readonly state?: KeyState | undefined;
  readonly type?: (typeof KEY_TYPES)[number] | undefined;
  readonly groupId?: string | undefined;
  readonly projectId?: string | undefined;
  readonly createdBy?: KeyMaker | undefined;
  /** They expire before this moment. */
  readonly expiresBefore?: string | undefined;
  /** They were used last before this moment; those that were never used were created before it. */
  readonly idleSince?: string | undefined;
}

/** A text to search for. `beginning` finds it only where something begins with it. */
export interface SearchText {
  readonly text: string;
  readonly beginning: boolean;
}

/** Where a key stands in a list: the value that it is sorted by, as exact text, and its id. */
export type SortedPosition = readonly [value: string, id: string];

/** What a page is asked with. */
export interface KeyQuery {
  readonly organizationId: string;
  readonly filters: KeyFilters;
  readonly order: KeyOrder;
  /** The page begins behind this position; null for the first page. */
  readonly after: SortedPosition | null;
  /** How many keys it has at most. */
  readonly count: number;
  readonly now: Date;
}

/** A statement with its parameters. */
export interface Statement {
  readonly text: string;
  readonly parameters: readonly unknown[];
}

/** A way to find all keys that one filter leaves: SQL that selects their ids. */
export interface Candidates {
  readonly filter: keyof KeyFilters;
  readonly sql: string;
}

type Standing = 'live' | 'disabled' | 'revoked';

/** The column of each order, which an index has behind organisation and standing, and the type to compare it as. */
const COLUMNS: Readonly<Record<KeySort, { table: 'api_key' | 'listed_key'; column: string; type: string }>> = {
  /** By the index api_key_sorted_by_name. */
  name: { table: 'api_key', column: 'name_sorted', type: 'text' },
  /** By the index api_key_sorted_by_created. */
  created: { table: 'api_key', column: 'created_at', type: 'timestamptz' },
  /** By the index listed_key_by_last_used. */
  last_used: { table: 'listed_key', column: 'last_used_sorted', type: 'timestamptz' },
  /** By the index listed_key_by_spend. */
  spend: { table: 'listed_key', column: 'spend_sorted', type: 'bigint' },
  /** By the index api_key_sorted_by_expiry. */
  expiry: { table: 'api_key', column: 'expiry_sorted', type: 'timestamptz' },
};

/** Which stored parts of a state a state can have. */
const STANDINGS: Readonly<Record<KeyState, readonly Standing[]>> = {
  active: ['live'],
  disabled: ['disabled'],
  revoked: ['revoked'],
  expired: ['live', 'disabled'],
};
const ALL_STANDINGS: readonly Standing[] = ['live', 'disabled', 'revoked'];

/** A condition on one table's row. `{}` stands for the row. */
interface Condition {
  readonly table: 'api_key' | 'listed_key' | 'api_key_search' | 'group_key';
  /** Columns of the row, where the walk may read them along with its index. */
  readonly columns: readonly string[];
  readonly sql: string;
  /** The order whose index has it as a range. */
  readonly rangeOf?: KeySort;
}

/** Writes the statements of one query. Each has its own parameters, of which the first one is the organisation. */
export class KeyListSql {
  private readonly parameters: unknown[] = [];
  private readonly column: (typeof COLUMNS)[KeySort];
  private readonly direction: 'ASC' | 'DESC';
  readonly standings: readonly Standing[];
  readonly conditions: readonly Condition[];

  constructor(private readonly query: KeyQuery) {
    const { order, filters } = query;
    this.column = COLUMNS[order.by];
    this.direction = order.descending ? 'DESC' : 'ASC';
    this.standings = filters.state === undefined ? ALL_STANDINGS : STANDINGS[filters.state];
    this.parameter(query.organizationId);
    this.conditions = this.conditionsOf(query);
  }

  /** The conditions that a walk in this order does not meet by the range of its index alone. */
  get residual(): readonly Condition[] {
    return this.conditions.filter(({ rangeOf }) => rangeOf !== this.query.order.by);
  }

  /** Whether a walk finds in its own table all that it must know of a key. */
  get walksAlone(): boolean {
    return this.residual.every(({ table }) => table === this.column.table);
  }

  /**
   * Walks through the keys in the order of the list and picks those that the filters leave. With `bound`, each of the
   * three walks (live, disabled, revoked keys) ends after so many keys, and its last row says so: `matches` is false or
   * true there, `boundary` is true. Without filters the first keys of each walk are enough.
   */
  walk(bound: number | null): Statement {
    const { count } = this.query;
    const { table, column } = this.column;
    const id = table === 'api_key' ? 'id' : 'api_key_id';
    const along = new Set(this.residual.flatMap((one) => (one.table === table ? one.columns : [])));
    const picked = this.residual.map((one) => this.residualSql(one, table)).join(' AND ') || 'true';
    const ranges = this.conditions.filter(({ rangeOf }) => rangeOf === this.query.order.by);
    const arms = this.standings.map((standing) => {
      const inner = `SELECT t.${id} AS id, t.${column} AS sorted${[...along].map((each) => `, t.${each} AS ${each}_`).join('')},
          row_number() OVER (ORDER BY t.${column} ${this.direction}, t.${id} ${this.direction}) AS n
        FROM keys.${table} AS t
        WHERE t.organization_id = $1 AND t.standing = '${standing}'${ranges.map(({ sql }) => ` AND ${sql.replaceAll('{}', 't')}`).join('')}
          ${this.behind(`t.${column}`, `t.${id}`)}
        ORDER BY t.${column} ${this.direction}, t.${id} ${this.direction} LIMIT ${bound ?? count}`;
      const boundary = bound === null ? 'false' : `i.n = ${bound}`;
      return `(SELECT i.id, i.sorted, (${picked}) IS TRUE AS matches, ${boundary} AS boundary FROM (${inner}) AS i
        WHERE (${picked}) OR ${boundary} ORDER BY i.sorted ${this.direction}, i.id ${this.direction} LIMIT ${count})`;
    });
    return this.statement(
      `SELECT a.id, ${this.asText('a.sorted')} AS sorted, a.matches, a.boundary FROM (${arms.join(' UNION ALL ')}) AS a
       ORDER BY a.sorted ${this.direction}, a.id ${this.direction}`,
    );
  }

  /** The ways to find all keys that single filters leave, each by an index of its own. */
  candidates(): readonly Candidates[] {
    const { filters, now } = this.query;
    const found: Candidates[] = [];
    const add = (filter: keyof KeyFilters, table: string, id: string, condition: string): number =>
      found.push({ filter, sql: `SELECT ${id} AS id FROM keys.${table} WHERE organization_id = $1 AND ${condition}` });
    const standing = `standing IN (${this.standings.map((each) => `'${each}'`).join(', ')})`;
    if (filters.ids !== undefined) add('ids', 'api_key', 'id', `id = ANY(${this.parameter(filters.ids)}::uuid[])`);
    // By the index group_key_pk.
    if (filters.groupId !== undefined)
      add('groupId', 'group_key', 'api_key_id', `group_id = ${this.parameter(filters.groupId)}::uuid`);
    // By the index api_key_by_project.
    if (filters.projectId !== undefined)
      add('projectId', 'api_key', 'id', `project_id = ${this.parameter(filters.projectId)}::uuid`);
    // By the index api_key_made_by.
    if (filters.createdBy !== undefined) add('createdBy', 'api_key', 'id', this.madeBy(filters.createdBy, ''));
    // By the index api_key_of_type.
    if (filters.type !== undefined)
      add('type', 'api_key', 'id', `type = ${this.parameter(filters.type)} AND ${standing}`);
    // Both by the index api_key_sorted_by_expiry.
    if (filters.state !== undefined && filters.state !== 'revoked')
      add(
        'state',
        'api_key',
        'id',
        `${standing} AND expiry_sorted ${filters.state === 'expired' ? '<=' : '>'} ${this.parameter(now)}::timestamptz`,
      );
    if (filters.expiresBefore !== undefined)
      add(
        'expiresBefore',
        'api_key',
        'id',
        `${standing} AND expiry_sorted < ${this.parameter(filters.expiresBefore)}::timestamptz`,
      );
    if (filters.idleSince !== undefined) {
      const since = `${this.parameter(filters.idleSince)}::timestamptz`;
      // By the index listed_key_by_last_used.
      add('idleSince', 'listed_key', 'api_key_id', `${standing} AND last_used_sorted < ${since}`);
      // By the index api_key_sorted_by_created.
      add('idleSince', 'api_key', 'id', `${standing} AND created_at < ${since}`);
    }
    return found;
  }

  /** Counts each of these up to `most`, in their order. */
  counts(candidates: readonly Candidates[], most: number): Statement {
    const counts = candidates.map(
      ({ sql }, at) => `(SELECT count(*) FROM (${sql} LIMIT ${most}) AS c)::int AS count_${at}`,
    );
    return this.statement(`SELECT ${counts.join(', ')}`);
  }

  /** SQL: the ids of the keys that a search finds, by its index. */
  searched(text: SearchText): string {
    return `SELECT id FROM keys.api_keys_matching($1, ${this.needle(text)})`;
  }

  /** Sorts all keys that the filters leave among the candidates; among all keys of the organisation without them. */
  gather(candidates: string | null): Statement {
    const { count } = this.query;
    const { table, column } = this.column;
    const sorted = `${table === 'api_key' ? 'k' : 'u'}.${column}`;
    return this.statement(
      `${candidates === null ? '' : `WITH c AS MATERIALIZED (${candidates}) `}SELECT p.id, ${this.asText('p.sorted')} AS sorted FROM (
         SELECT k.id, ${sorted} AS sorted ${this.allThatMatch(candidates, table)} ${this.behind(sorted, 'k.id')}
         ORDER BY ${sorted} ${this.direction}, k.id ${this.direction} LIMIT ${count}) AS p
       ORDER BY p.sorted ${this.direction}, p.id ${this.direction}`,
    );
  }

  /** Counts all keys that the filters leave. */
  total(): Statement {
    return this.statement(`SELECT count(*)::int AS total ${this.allThatMatch(null, 'api_key')}`);
  }

  private allThatMatch(candidates: string | null, sortedIn: 'api_key' | 'listed_key'): string {
    const used = sortedIn === 'listed_key' || this.conditions.some(({ table }) => table === 'listed_key');
    const standings = this.standings.map((each) => `'${each}'`).join(', ');
    const conditions = this.conditions.map((one) => ` AND ${this.plainSql(one, candidates)}`);
    return `FROM ${candidates === null ? '' : 'c JOIN '}keys.api_key AS k${candidates === null ? '' : ' ON k.organization_id = $1 AND k.id = c.id'}
       ${used ? 'JOIN keys.listed_key AS u ON u.organization_id = $1 AND u.api_key_id = k.id' : ''}
       WHERE k.organization_id = $1 AND k.standing IN (${standings})${conditions.join('')}`;
  }

  private conditionsOf({ filters, now }: KeyQuery): Condition[] {
    const { text, ids, state, type, groupId, projectId, createdBy, expiresBefore, idleSince } = filters;
    const found: Condition[] = [];
    const key = (columns: readonly string[], sql: string, rangeOf?: KeySort): number =>
      found.push({ table: 'api_key', columns, sql, ...(rangeOf !== undefined && { rangeOf }) });
    if (ids !== undefined) key(['id'], `{}.id = ANY(${this.parameter(ids)}::uuid[])`);
    if (type !== undefined) key(['type'], `{}.type = ${this.parameter(type)}`);
    if (state !== undefined && state !== 'revoked')
      key(
        ['expiry_sorted'],
        `{}.expiry_sorted ${state === 'expired' ? '<=' : '>'} ${this.parameter(now)}::timestamptz`,
        'expiry',
      );
    if (expiresBefore !== undefined)
      key(['expiry_sorted'], `{}.expiry_sorted < ${this.parameter(expiresBefore)}::timestamptz`, 'expiry');
    if (projectId !== undefined) key(['project_id'], `{}.project_id = ${this.parameter(projectId)}::uuid`);
    if (createdBy !== undefined) key(['created_by_kind', 'created_by_id'], this.madeBy(createdBy, '{}.'));
    if (idleSince !== undefined) {
      const since = `${this.parameter(idleSince)}::timestamptz`;
      found.push({
        table: 'listed_key',
        columns: ['last_used_sorted'],
        sql: `{}.last_used_sorted < ${since}`,
        rangeOf: 'last_used',
      });
      // Who was never used has been idle since it was created.
      key(['created_at'], `{}.created_at < ${since}`);
    }
    if (groupId !== undefined)
      found.push({ table: 'group_key', columns: [], sql: `{}.group_id = ${this.parameter(groupId)}::uuid` });
    if (text !== undefined)
      found.push({ table: 'api_key_search', columns: [], sql: `position(${this.needle(text)} IN {}.text) > 0` });
    return found;
  }

  /** A condition of a walk through `table`: on what was read along, else on the row of the other table. */
  private residualSql({ table, columns, sql }: Condition, walked: string): string {
    if (table === walked) return columns.reduce((text, column) => text.replaceAll(`{}.${column}`, `i.${column}_`), sql);
    const id = table === 'api_key' ? 'id' : 'api_key_id';
    // A subquery for each row that is walked past: a join could be planned as reading all.
    return `(SELECT true FROM keys.${table} AS x WHERE x.organization_id = $1 AND x.${id} = i.id AND ${sql.replaceAll('{}', 'x')})`;
  }

  private plainSql({ table, sql }: Condition, candidates: string | null): string {
    if (table === 'api_key') return sql.replaceAll('{}', 'k');
    if (table === 'listed_key') return sql.replaceAll('{}', 'u');
    const { text } = this.query.filters;
    if (table === 'api_key_search' && candidates === null && text !== undefined)
      return `k.id IN (${this.searched(text)})`;
    return `EXISTS (SELECT FROM keys.${table} AS x WHERE x.organization_id = $1 AND x.api_key_id = k.id AND ${sql.replaceAll('{}', 'x')})`;
  }

  private madeBy(maker: KeyMaker, row: string): string {
    return 'kind' in maker
      ? `${row}created_by_kind = 'operator'`
      : `${row}created_by_kind IN ('person', 'api_key') AND ${row}created_by_id = ${this.parameter(maker.id)}::uuid`;
  }

  /** What to look for: a text behind a line end is the beginning of what is searched. */
  private needle({ text, beginning }: SearchText): string {
    return `${beginning ? `E'\\n' || ` : ''}keys.searched(${this.parameter(text)}::text)`;
  }

  private behind(column: string, id: string): string {
    const { after, order } = this.query;
    if (after === null) return '';
    const [value, last] = after;
    return `AND (${column}, ${id}) ${order.descending ? '<' : '>'} (${this.parameter(value)}::${this.column.type}, ${this.parameter(last)}::uuid)`;
  }

  /** A value of the order as text, with all that `Date` or a double would lose. */
  private asText(column: string): string {
    if (this.column.type !== 'timestamptz') return `${column}::text`;
    return `CASE WHEN isfinite(${column}) THEN to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') ELSE ${column}::text END`;
  }

  private parameter(value: unknown): string {
    return `$${this.parameters.push(value)}`;
  }

  private statement(text: string): Statement {
    const used = this.parameters.filter((_, at) => new RegExp(`\\$${at + 1}(?!\\d)`).test(text));
    if (used.length === this.parameters.length) return { text, parameters: used };
    // A server refuses parameters that no statement names: they are numbered anew.
    let number = 0;
    const numbers = this.parameters.map((_, at) => (new RegExp(`\\$${at + 1}(?!\\d)`).test(text) ? ++number : 0));
    return { text: text.replace(/\$(\d+)/g, (_, at: string) => `$${numbers[Number(at) - 1] ?? 0}`), parameters: used };
  }
}
