import { NameTable } from '../../json-scan/name-table.js';
import { words } from './request-field.js';

/**
 * Fields of content and of tools that name something by an id of the provider's account: a file, a container, a store.
 * All organisations share that account, and nothing records which of them the id was given to, so the id could be a
 * stranger's. Look up the names of objects in which a provider reads them, not those of schemas, arguments or
 * annotations, which only look the same.
 */
const ACCOUNT_ID_NAMES = new NameTable(
  words('file_id file_ids vector_store_ids container container_id skill_id conversation tunnel_id').map((name) => ({
    name,
  })),
  () => true,
  () => true,
);

/** The id of the account that some reader may take a name for, in whatever spelling; null if there is none. */
export function accountIdNamed(bytes: Buffer, start: number, end: number): string | null {
  const exact = ACCOUNT_ID_NAMES.exact(bytes, start, end);
  if (exact !== null) return exact.row.name;
  const meant = ACCOUNT_ID_NAMES.mistakenFor(bytes, start, end);
  return meant === null || typeof meant === 'string' ? null : meant.name;
}
