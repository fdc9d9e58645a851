import { pepperIds, type Peppers } from '@tollgate/api-key';
import { StartFault } from '@tollgate/app-process';
import type { DataSource } from 'typeorm';

/** The peppers that a start was given, and where to warn. */
export interface PepperOfStart {
  readonly peppers: Peppers;
  /** The setting and the words that name the pepper in errors; by default TOLLGATE_PEPPER, "the one that is given". */
  readonly source?: { readonly variable: string; readonly is: string };
  /** Called with a line for keys that are refused, and for those that are known only under the previous pepper. */
  readonly warn: (line: string) => void;
}

const GIVEN = { variable: 'TOLLGATE_PEPPER', is: 'the one that is given' };

/**
 * Checks at the start that the keys in the database were made under these peppers. Under another one every key would be
 * refused as invalid. If the database has no keys, any pepper is accepted. While a pepper is being replaced, it also
 * tells how many usable keys are known only under the previous one: they would be refused without it.
 * @throws {StartFault} if there are keys and none is known under these peppers
 */
export async function refuseOtherPepper(
  dataSource: DataSource,
  { peppers, source = GIVEN, warn }: PepperOfStart,
): Promise<void> {
  const ours = pepperIds(peppers);
  // This reads the whole table, but only once at each start, so it has no index.
  const found: { keys: string; known: string; under: string | null }[] = await dataSource.query(UNDER_PEPPERS, [ours]);
  const [{ keys, known, under } = { keys: '0', known: '0', under: null }] = found;
  if (under !== null && known === '0' && keys !== '0')
    throw new StartFault(
      source.variable,
      `the keys of the database were made under another pepper than ${source.is} (${ours[0]}), so none of them would be known: ${under}; start with the pepper that they were made under, or give that as TOLLGATE_PEPPER_PREVIOUS`,
    );
  if (under !== null)
    warn(
      `keys of the database are not known under the pepper of this start, ${ours.join(' and ')}, and are refused: ${under}; TOLLGATE_PEPPER_PREVIOUS takes the pepper that they were made under`,
    );
  const [, previous] = peppers;
  if (previous === undefined) return;
  const waiting = await keysOfPreviousPepper(dataSource, peppers);
  warn(
    waiting === 0
      ? 'every usable key is known under TOLLGATE_PEPPER: once all services run with it, TOLLGATE_PEPPER_PREVIOUS can be removed'
      : `${waiting} usable keys are known only under TOLLGATE_PEPPER_PREVIOUS, and would be refused without it; each is known under TOLLGATE_PEPPER too once it is used`,
  );
}

/**
 * How many keys that can be used are known under the previous pepper and not under the present one; 0 while no pepper
 * is being replaced. It reads all secrets.
 */
export async function keysOfPreviousPepper(dataSource: DataSource, peppers: Peppers): Promise<number> {
  if (peppers[1] === undefined) return 0;
  const [row]: { keys: string }[] = await dataSource.query(ONLY_PREVIOUS, pepperIds(peppers));
  return Number(row?.keys ?? 0);
}

/** All keys, those known under one of the peppers $1, and a text that counts the other secrets' peppers. */
const UNDER_PEPPERS = `
  WITH by_key AS (
    SELECT api_key_id, bool_or(pepper_id = ANY($1::text[])) AS known, min(pepper_id) AS pepper_id
    FROM keys.api_key_secret GROUP BY api_key_id
  ), others AS (
    SELECT pepper_id, count(*) AS keys FROM by_key WHERE NOT known GROUP BY pepper_id
  )
  SELECT (SELECT count(*) FROM by_key) AS keys, (SELECT count(*) FROM by_key WHERE known) AS known,
    (SELECT string_agg(keys || ' under the pepper ' || pepper_id, ', ' ORDER BY keys DESC, pepper_id) FROM others) AS under`;

/** Usable keys that have a digest under the pepper $2 and none under the pepper $1. */
const ONLY_PREVIOUS = `
  SELECT count(*) AS keys FROM keys.api_key k
  WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
    AND EXISTS (SELECT 1 FROM keys.api_key_secret s WHERE s.api_key_id = k.id AND s.pepper_id = $2)
    AND NOT EXISTS (SELECT 1 FROM keys.api_key_secret s WHERE s.api_key_id = k.id AND s.pepper_id = $1)`;
