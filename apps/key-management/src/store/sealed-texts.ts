import { sealedAnswers } from '@tollgate/idempotency';
import type { ServiceDatabase } from '@tollgate/postgres';
import {
  resealColumns,
  tellOfUnreadableColumns,
  type Resealed,
  type SealedColumn,
  type Sealing,
} from '@tollgate/sealing';
import { sealedFor } from '../sign-in/oidc/oidc-provider.js';
import { SEND_MAIL } from './outbox-effects.js';

/** All columns that are read again after weeks, or whose loss somebody would notice. */
const SEALED_COLUMNS: readonly SealedColumn[] = [
  {
    what: 'mails that wait',
    // A key of the outbox names one mail.
    select: `SELECT id::text AS id, key, payload AS sealed FROM keys.outbox WHERE effect = '${SEND_MAIL}'`,
    update: 'UPDATE keys.outbox SET payload = $2 WHERE id = $1::bigint AND payload = $3',
    boundTo: ({ key }) => ['mail', key],
  },
  sealedAnswers('keys'),
  {
    what: 'client secrets of OpenID providers',
    select: 'SELECT organization_id AS id, organization_id AS key, client_secret AS sealed FROM keys.oidc_provider',
    update: 'UPDATE keys.oidc_provider SET client_secret = $2 WHERE organization_id = $1 AND client_secret = $3',
    boundTo: ({ id }) => sealedFor(id),
  },
];

type AcrossOrganizations = Pick<ServiceDatabase, 'acrossOrganizations'>;

/** Encrypts under the first key of `sealing` what key-management has under another one of its keys. */
export const reseal = (database: AcrossOrganizations, sealing: Sealing): Promise<Resealed> =>
  resealColumns(SEALED_COLUMNS, sealing, database);

/** Warns at the start of texts of key-management that are encrypted under a key that is not given. */
export const tellOfUnreadableTexts = (
  database: AcrossOrganizations,
  sealing: Sealing,
  warn: (line: string) => void,
): Promise<void> => tellOfUnreadableColumns(SEALED_COLUMNS, sealing, database, warn);
