import { pepperIds, type Peppers } from '@tollgate/api-key';
import { StartFault } from '@tollgate/app-process';
import type { ServiceDatabase } from '@tollgate/postgres';

type AcrossOrganizations = Pick<ServiceDatabase, 'acrossOrganizations'>;

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
  database: AcrossOrganizations,
  { peppers, source = GIVEN, warn }: PepperOfStart,
): Promise<void> {
  const ours = pepperIds(peppers);
  // This reads the whole table, but only once at each start, so it has no index.
  const found = await database.acrossOrganizations((manager) => manager.query<OtherPepper[]>(OTHER_PEPPERS, [ours]));
  const none = found.every(({ others_only }) => others_only);
  if (found.length > 0 && none)
    throw new StartFault(
      source.variable,
      `the keys of the database were made under another pepper than ${source.is} (${ours[0]}), so none of them would be known: ${counted(found, ({ keys }) => keys)}; start with the pepper that they were made under, or give that as TOLLGATE_PEPPER_PREVIOUS`,
    );
  const refused = found.filter(({ usable }) => usable !== '0');
  if (refused.length > 0)
    warn(
      `keys of the database are not known under the pepper of this start, ${ours.join(' and ')}, and are refused: ${counted(refused, ({ usable }) => usable)}; TOLLGATE_PEPPER_PREVIOUS takes the pepper that they were made under`,
    );
  const [, previous] = peppers;
  if (previous === undefined) return;
  const waiting = await keysOfPreviousPepper(database, peppers);
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
export async function keysOfPreviousPepper(database: AcrossOrganizations, peppers: Peppers): Promise<number> {
  if (peppers[1] === undefined) return 0;
  const [row] = await database.acrossOrganizations((manager) =>
    manager.query<{ keys: string }[]>(ONLY_PREVIOUS, [...pepperIds(peppers)]),
  );
  return Number(row?.keys ?? 0);
}

/** Keys that are known under none of our peppers, by the pepper that they are known under. */
interface OtherPepper {
  readonly pepper_id: string;
  readonly keys: string;
  /** Those of them that are neither revoked nor expired. */
  readonly usable: string;
  /** Whether all keys of the database are such. */
  readonly others_only: boolean;
}

const counted = (found: readonly OtherPepper[], count: (one: OtherPepper) => string): string =>
  found.map((one) => `${count(one)} under the pepper ${one.pepper_id}`).join(', ');

/** $1: the ids of our peppers. */
const OTHER_PEPPERS = `
  WITH by_key AS (
    SELECT api_key_id, bool_or(pepper_id = ANY($1::text[])) AS known, min(pepper_id) AS pepper_id
    FROM keys.api_key_secret GROUP BY api_key_id
  )
  SELECT b.pepper_id, count(*) AS keys,
    count(*) FILTER (WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())) AS usable,
    NOT EXISTS (SELECT 1 FROM by_key WHERE known) AS others_only
  FROM by_key b JOIN keys.api_key k ON k.id = b.api_key_id
  WHERE NOT b.known GROUP BY b.pepper_id ORDER BY keys DESC, b.pepper_id`;

/** Usable keys that have a digest under the pepper $2 and none under the pepper $1. */
const ONLY_PREVIOUS = `
  SELECT count(*) AS keys FROM keys.api_key k
  WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
    AND EXISTS (SELECT 1 FROM keys.api_key_secret s WHERE s.api_key_id = k.id AND s.pepper_id = $2)
    AND NOT EXISTS (SELECT 1 FROM keys.api_key_secret s WHERE s.api_key_id = k.id AND s.pepper_id = $1)`;
