import { sealedAnswers } from '@tollgate/idempotency';
import type { ServiceDatabase } from '@tollgate/postgres';
import {
  resealColumns,
  tellOfUnreadableColumns,
  type Resealed,
  type SealedColumn,
  type Sealing,
} from '@tollgate/sealing';
import { sealedForSubscription } from '../subscriptions/sealed-secret.js';
import { sealedForWebhook } from '../webhooks/webhook-secret.js';

/** All columns of usage-billing with encrypted texts; `key` is their organisation. */
const SEALED_COLUMNS: readonly SealedColumn[] = [
  {
    what: 'secrets of webhooks',
    select: 'SELECT id::text AS id, organization_id AS key, secret AS sealed FROM billing.webhook',
    update: 'UPDATE billing.webhook SET secret = $2 WHERE id = $1::uuid AND secret = $3',
    boundTo: ({ id, key }) => sealedForWebhook(key, id),
  },
  {
    what: 'former secrets of webhooks',
    select: `SELECT id::text AS id, organization_id AS key, former_secret AS sealed FROM billing.webhook
      WHERE former_secret IS NOT NULL`,
    update: 'UPDATE billing.webhook SET former_secret = $2 WHERE id = $1::uuid AND former_secret = $3',
    boundTo: ({ id, key }) => sealedForWebhook(key, id),
  },
  {
    what: 'keys of subscriptions whose requests may be repeated',
    select: `SELECT id::text AS id, organization_id AS key, sealed_secret AS sealed FROM billing.subscription
      WHERE sealed_secret IS NOT NULL`,
    update: 'UPDATE billing.subscription SET sealed_secret = $2 WHERE id = $1::uuid AND sealed_secret = $3',
    boundTo: ({ id, key }) => sealedForSubscription(key, id),
  },
  sealedAnswers('billing'),
];

type AcrossOrganizations = Pick<ServiceDatabase, 'acrossOrganizations'>;

/** Encrypts under the first key of `sealing` what usage-billing has under another one of its keys. */
export const resealBilling = (database: AcrossOrganizations, sealing: Sealing): Promise<Resealed> =>
  resealColumns(SEALED_COLUMNS, sealing, database);

/** Warns at the start of texts of usage-billing that are encrypted under a key that is not given. */
export const tellOfUnreadableBillingTexts = (
  database: AcrossOrganizations,
  sealing: Sealing,
  warn: (line: string) => void,
): Promise<void> => tellOfUnreadableColumns(SEALED_COLUMNS, sealing, database, warn);
