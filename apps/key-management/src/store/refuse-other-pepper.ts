import { pepperId } from '@tollgate/api-key';
import { StartFault } from '@tollgate/app-process';
import type { DataSource } from 'typeorm';

/** The pepper that a start was given, and where to warn. */
export interface PepperOfStart {
  readonly pepper: string;
  /** The setting and the words that name this pepper in errors; by default TOLLGATE_PEPPER, "the one that is given". */
  readonly source?: { readonly variable: string; readonly is: string };
  /** Called with one line if some keys were made under another pepper. */
  readonly warn: (line: string) => void;
}

const GIVEN = { variable: 'TOLLGATE_PEPPER', is: 'the one that is given' };

/**
 * Checks at the start that the keys in the database were made under this pepper. Under another one every key would be
 * refused as invalid. If the database has no keys, any pepper is accepted.
 * @throws {StartFault} if there are keys and none was made under this pepper
 */
export async function refuseOtherPepper(
  dataSource: DataSource,
  { pepper, source = GIVEN, warn }: PepperOfStart,
): Promise<void> {
  // This reads the whole table, but only once at each start, so it has no index.
  const found: { pepper_id: string; keys: string }[] = await dataSource.query(
    'SELECT pepper_id, count(*) AS keys FROM keys.api_key_secret GROUP BY pepper_id ORDER BY count(*) DESC, pepper_id',
  );
  const ours = pepperId(pepper);
  const others = found.filter(({ pepper_id }) => pepper_id !== ours);
  if (others.length === 0) return;
  const which = others.map(({ pepper_id, keys }) => `${keys} under the pepper ${pepper_id}`).join(', ');
  if (others.length < found.length)
    return warn(
      `keys of the database are not known under the pepper of this start, ${ours}, and are refused: ${which}`,
    );
  throw new StartFault(
    source.variable,
    `the keys of the database were made under another pepper than ${source.is} (${ours}), so none of them would be known: ${which}; start with the pepper that they were made under`,
  );
}
