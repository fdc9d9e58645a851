import { sealedUnder, SealError, type Sealing } from './sealing.js';

/** A column of encrypted texts. */
export interface SealedColumn {
  /** What the texts are, for operators. */
  readonly what: string;
  /** Selects `id` (text), `key` where `boundTo` reads it, and `sealed`. */
  readonly select: string;
  /** Writes the text $2 in the place of $3 where the id is $1: one that was written meanwhile stays. */
  readonly update: string;
  /** What the text of a row is bound to. */
  readonly boundTo: (row: SealedRow) => readonly string[];
}

/** A row that has an encrypted text. */
interface SealedRow {
  readonly id: string;
  readonly key: string;
  readonly sealed: string;
}

/** What is needed of a service's database: a transaction of its own for each statement, across all organisations. */
interface AcrossOrganizations {
  acrossOrganizations<T>(
    work: (manager: { query<Rows>(sql: string, parameters?: unknown[]): Promise<Rows> }) => Promise<T>,
  ): Promise<T>;
}

/** What became of encrypted texts. */
export interface Resealed {
  /** Texts that are encrypted under the present key now, and were not before. */
  readonly resealed: number;
  /** Texts under keys that are not given. */
  readonly unreadable: number;
}

/**
 * Encrypts under the first key of `sealing` what is encrypted under another one of its keys. It is safe to repeat, and
 * beside processes that work: a text that changes meanwhile stays as it is.
 */
export async function resealColumns(
  columns: readonly SealedColumn[],
  sealing: Sealing,
  database: AcrossOrganizations,
): Promise<Resealed> {
  const run = runningIn(database);
  let [resealed, unreadable] = [0, 0];
  for (const { select, update, boundTo } of columns) {
    const rows = await run<SealedRow[]>(select, []);
    for (const row of rows.filter(({ sealed }) => sealedUnder(sealed) !== sealing.keyIds[0])) {
      const renewed = renew(sealing, row, boundTo(row));
      if (renewed === null) unreadable += 1;
      else {
        await run(update, [row.id, renewed, row.sealed]);
        resealed += 1;
      }
    }
  }
  return { resealed, unreadable };
}

const runningIn =
  (database: AcrossOrganizations) =>
  <Rows>(sql: string, parameters: unknown[]): Promise<Rows> =>
    database.acrossOrganizations((manager) => manager.query<Rows>(sql, parameters));

/** Null if the text cannot be opened. */
function renew(sealing: Sealing, { sealed }: SealedRow, bound: readonly string[]): string | null {
  try {
    return sealing.seal(sealing.open(sealed, bound), bound);
  } catch (error) {
    if (error instanceof SealError) return null;
    throw error;
  }
}

/**
 * Warns of texts that are encrypted under a key that is not given: nothing can read them until it is given as the
 * previous one.
 */
export async function tellOfUnreadableColumns(
  columns: readonly SealedColumn[],
  sealing: Sealing,
  database: AcrossOrganizations,
  warn: (line: string) => void,
): Promise<void> {
  const run = runningIn(database);
  for (const { what, select } of columns) {
    const rows = await run<{ key_id: string; texts: string }[]>(
      `SELECT split_part(sealed, '.', 2) AS key_id, count(*) AS texts FROM (${select}) AS text
       GROUP BY 1 HAVING split_part(sealed, '.', 2) <> ALL ($1::text[]) ORDER BY 1`,
      [sealing.keyIds],
    );
    for (const { key_id, texts } of rows)
      warn(
        `${texts} ${what} cannot be read: they are encrypted under the key ${key_id}, which is not given; give it as TOLLGATE_ENCRYPTION_KEY_PREVIOUS, or the pepper that it was derived from as TOLLGATE_PEPPER_PREVIOUS, and run "npm run reseal"`,
      );
  }
}
