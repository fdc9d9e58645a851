import { ACCOUNT_KINDS } from '@tollgate/api-key';
import { ledgerId } from '@tollgate/contracts';
import { exactMoment, pageQuery, Pages } from '@tollgate/http';
import { pathSchema, shown } from '@tollgate/openapi';
import { z } from 'zod';
import { FEES } from './known-accounts.js';

/** What transfers of an account are. `platform_loss` is nobody's account. */
const TRANSFER_KINDS = ['post', 'void', 'adjust', 'opening', 'grant', 'expire', 'fee', 'correct', 'refund'] as const;

const moment = (description: string) =>
  shown(
    z.iso
      .datetime({ offset: true })
      .transform((text) => new Date(text))
      .optional(),
    { type: 'string', format: 'date-time', description },
  );

/** The query of `GET /v1/ledger/accounts`. */
export const ledgerAccountsQuery = z.strictObject({
  ...pageQuery,
  kind: z
    .enum([...ACCOUNT_KINDS, FEES])
    .optional()
    .describe('Only accounts of this kind.'),
  owner_id: ledgerId.optional().describe('Only accounts of this key, group, project, grant or subscription.'),
  ended: shown(z.enum(['true', 'false']).default('false'), {
    type: 'string',
    enum: ['true', 'false'],
    default: 'false',
    description: 'Whether accounts of cycles that have ended are listed as well.',
  }),
});
export type LedgerAccountsQuery = z.output<typeof ledgerAccountsQuery>;

/** The account that a path names. What no account can be called, names none. */
export const ledgerAccountPath = pathSchema(
  'ledger_account_not_found',
  z.object({ id: ledgerId.describe('The `id` of an account, `key:…` for example.') }),
);
export type LedgerAccountPath = z.output<typeof ledgerAccountPath>;

/** The query of `GET /v1/ledger/accounts/{id}/transfers`. */
export const transfersQuery = z
  .strictObject({
    ...pageQuery,
    kind: z.enum(TRANSFER_KINDS).optional().describe('Only transfers of this kind.'),
    from: moment('Of transfers that were written then or later.'),
    to: moment('Of transfers that were written before it.'),
  })
  .refine(({ from, to }) => !(from instanceof Date && to instanceof Date && from > to), {
    path: ['from'],
    message: 'must not be after to',
  });
export type TransfersQuery = z.output<typeof transfersQuery>;

/** Accounts are listed by their ids. */
export const ACCOUNT_PAGES = new Pages('ledger accounts', z.tuple([ledgerId]));

/** Transfers are listed by when they were written, the newest first. */
export const TRANSFER_PAGES = new Pages('transfers', z.tuple([exactMoment, z.uuid(), z.enum(TRANSFER_KINDS)]));
