import { Controller, Get, Param, Query, UseGuards } from '@nestjs/common';
import { PrincipalGuard } from '@tollgate/auth';
import { listOf, OrganizationId, Problem } from '@tollgate/http';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import { KnownAccounts } from './known-accounts.js';
import { LedgerAccounts } from './ledger-accounts.js';
import {
  ledgerAccountListReply,
  ledgerAccountObject,
  transferListReply,
  transferObject,
  type LedgerAccountList,
  type TransferList,
} from './ledger-accounts.reply.js';
import {
  ACCOUNT_PAGES,
  ledgerAccountPath,
  ledgerAccountsQuery,
  TRANSFER_PAGES,
  transfersQuery,
  type LedgerAccountPath,
  type LedgerAccountsQuery,
  type TransfersQuery,
} from './ledger-accounts.requests.js';

/** The accounts of the organisation that a request is about, and what was transferred on each. */
@Tag('Ledger')
@Controller('v1/ledger/accounts')
@UseGuards(PrincipalGuard)
export class LedgerAccountsController {
  constructor(
    private readonly accounts: LedgerAccounts,
    private readonly known: KnownAccounts,
  ) {}

  @Get()
  @Operation({
    id: 'listLedgerAccounts',
    summary: 'List accounts of the ledger',
    description:
      'In the order of their ids. An account begins with the first call that is charged to it: a limit of whose present ' +
      'cycle nothing is listed has all of it left. The prices of subscriptions stand on an account of the kind `fees`.',
  })
  @Refuses('service_unavailable')
  @Replies(ledgerAccountListReply, { 200: 'One page of accounts.' })
  async list(
    @OrganizationId() organizationId: string,
    @Query({ schema: ledgerAccountsQuery }) { limit, cursor, kind, owner_id: ownerId, ended }: LedgerAccountsQuery,
  ): Promise<LedgerAccountList> {
    const asked = { organizationId, filters: { kind, owner_id: ownerId, ended } };
    const after = ACCOUNT_PAGES.positionOf(cursor, asked);
    const filter = { kind: kind ?? null, ownerId: ownerId ?? null, withEnded: ended === 'true' };
    const listed = await this.accounts.list(organizationId, filter, limit + 1, after?.[0] ?? null, new Date());
    return listOf(
      ACCOUNT_PAGES.page(listed, limit, asked, ({ accountId }) => [accountId]),
      ledgerAccountObject,
    );
  }

  @Get(':id/transfers')
  @Operation({
    id: 'listTransfers',
    summary: 'List the transfers of an account',
    description:
      'The newest first. Transfers are only ever added. The list is empty for an account that nothing was charged to.',
  })
  @Refuses('service_unavailable')
  @Replies(transferListReply, { 200: 'One page of transfers.' })
  async transfers(
    @OrganizationId() organizationId: string,
    @Param({ schema: ledgerAccountPath }) { id }: LedgerAccountPath,
    @Query({ schema: transfersQuery }) { limit, cursor, kind, from, to }: TransfersQuery,
  ): Promise<TransferList> {
    const asked = { organizationId, filters: { id, kind, from: from?.toISOString(), to: to?.toISOString() } };
    const after = TRANSFER_PAGES.positionOf(cursor, asked);
    if (!(await this.known.has(organizationId, id))) throw new Problem('ledger_account_not_found');
    const filter = { kind: kind ?? null, from: from ?? null, to: to ?? null };
    const listed = await this.accounts.transfers(organizationId, id, filter, limit + 1, after);
    const page = TRANSFER_PAGES.page(listed, limit, asked, ({ createdAtText, transferId, kind: each }) => [
      createdAtText,
      transferId,
      each as TransfersKind,
    ]);
    return listOf(page, (transfer) => transferObject(id, transfer));
  }
}

type TransfersKind = NonNullable<TransfersQuery['kind']>;
