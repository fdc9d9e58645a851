import { pepperId } from '@tollgate/api-key';
import { StartFault } from '@tollgate/app-process';
import type { DataSource } from 'typeorm';

export interface PepperOfStart {
  readonly pepper: string;
  /** The setting to look at, and which pepper this start has; by default it is given by TOLLGATE_PEPPER. */
  readonly source?: { readonly variable: string; readonly is: string };
  /** Hears of keys that are not known under this pepper, a line. */
  readonly warn: (line: string) => void;
}

const GIVEN = { variable: 'TOLLGATE_PEPPER', is: 'the one that is given' };

/**
 * Looks whether the keys in the database were made under this pepper: under another one each of them would be refused
 * as if nobody had ever made it. A database without keys takes any.
 * @throws {StartFault} where there are keys, and none of them was made under it
 */
export async function refuseOtherPepper(
  dataSource: DataSource,
  { pepper, source = GIVEN, warn }: PepperOfStart,
): Promise<void> {
  // Once a start, over the whole table: no index is kept for it.
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
