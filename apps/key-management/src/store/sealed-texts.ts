import type { ServiceDatabase } from '@tollgate/postgres';
import { sealedUnder, SealError, type Sealing } from '@tollgate/sealing';
import { boundToRow } from '../idempotency/idempotency-records.js';
import { sealedFor } from '../sign-in/oidc/oidc-provider.js';
import { SEND_MAIL } from './outbox-effects.js';

/** A column of encrypted texts. */
interface SealedColumn {
  /** What the texts are, for operators. */
  readonly what: string;
  /** Selects `id` (text), what else `boundTo` reads, and `sealed`. */
  readonly select: string;
  /** Writes the text $2 in the place of $3 where the id is $1: one that was written meanwhile stays. */
  readonly update: string;
  /** What the text of a row is bound to. */
  readonly boundTo: (row: SealedRow) => readonly string[];
}

interface SealedRow {
  readonly id: string;
  readonly key: string;
  readonly sealed: string;
}

/** All columns that are read again after weeks, or whose loss somebody would notice. */
const SEALED_COLUMNS: readonly SealedColumn[] = [
  {
    what: 'mails that wait',
    // A key of the outbox names one mail.
    select: `SELECT id::text AS id, key, payload AS sealed FROM keys.outbox WHERE effect = '${SEND_MAIL}'`,
    update: 'UPDATE keys.outbox SET payload = $2 WHERE id = $1::bigint AND payload = $3',
    boundTo: ({ key }) => ['mail', key],
  },
  {
    what: 'answers that may be given again',
    select: `SELECT encode(scope, 'hex') AS id, organization_id AS key, answer AS sealed FROM keys.idempotency_record
      WHERE answer IS NOT NULL`,
    update: `UPDATE keys.idempotency_record SET answer = $2 WHERE scope = decode($1, 'hex') AND answer = $3`,
    boundTo: ({ id, key }) => boundToRow(key, id),
  },
  {
    what: 'client secrets of OpenID providers',
    select: 'SELECT organization_id AS id, organization_id AS key, client_secret AS sealed FROM keys.oidc_provider',
    update: 'UPDATE keys.oidc_provider SET client_secret = $2 WHERE organization_id = $1 AND client_secret = $3',
    boundTo: ({ id }) => sealedFor(id),
  },
];

type AcrossOrganizations = Pick<ServiceDatabase, 'acrossOrganizations'>;

/** What became of the encrypted texts. */
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
export async function reseal(database: AcrossOrganizations, sealing: Sealing): Promise<Resealed> {
  let [resealed, unreadable] = [0, 0];
  for (const { select, update, boundTo } of SEALED_COLUMNS) {
    const rows = await database.acrossOrganizations((manager) => manager.query<SealedRow[]>(select));
    for (const row of rows.filter(({ sealed }) => sealedUnder(sealed) !== sealing.keyIds[0])) {
      const renewed = renew(sealing, row, boundTo(row));
      if (renewed === null) unreadable += 1;
      else {
        await database.acrossOrganizations((manager) => manager.query(update, [row.id, renewed, row.sealed]));
        resealed += 1;
      }
    }
  }
  return { resealed, unreadable };
}

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
 * Warns at the start of texts that are encrypted under a key that is not given: nothing can read them until it is given
 * as the previous one.
 */
export async function tellOfUnreadableTexts(
  database: AcrossOrganizations,
  sealing: Sealing,
  warn: (line: string) => void,
): Promise<void> {
  for (const { what, select } of SEALED_COLUMNS) {
    const rows = await database.acrossOrganizations((manager) =>
      manager.query<{ key_id: string; texts: string }[]>(
        `SELECT split_part(sealed, '.', 2) AS key_id, count(*) AS texts FROM (${select}) AS text
         GROUP BY 1 HAVING split_part(sealed, '.', 2) <> ALL ($1::text[]) ORDER BY 1`,
        [sealing.keyIds],
      ),
    );
    for (const { key_id, texts } of rows)
      warn(
        `${texts} ${what} cannot be read: they are encrypted under the key ${key_id}, which is not given; give it as TOLLGATE_ENCRYPTION_KEY_PREVIOUS, or the pepper that it was derived from as TOLLGATE_PEPPER_PREVIOUS, and run "npm run reseal"`,
      );
  }
}
