import type { Admission } from '@tollgate/admission';
import { splitCharge, type AnnouncedFinal, type HeldPart } from '@tollgate/credit';
import { usageRecorded, type UsageRecorded } from '@tollgate/contracts';
import { shareCalls } from '@tollgate/periodic';
import type { Journal } from '../journal/journal.js';
import { parseJson } from '../journal/records.js';
import type { GatewayIdentity } from '../request-path/exchange/gateway-identity.js';
import type { InFlight } from '../request-path/exchange/in-flight.js';

/**
 * Tells a new credit epoch what this gateway holds: its requests in flight, and the finals in its journal that the
 * ledger had not booked when the epoch was opened (each as a hold of its charge, which booking it will settle).
 */
export class Announcer {
  constructor(
    private readonly admission: Admission,
    private readonly journal: Journal,
    private readonly inFlight: InFlight,
    private readonly gateway: GatewayIdentity,
  ) {}

  /**
   * Announces to the organisation's new epoch, if it waits for this gateway. Rejects if the store cannot be reached.
   */
  readonly announce = shareCalls((organizationId: string) => this.#announce(organizationId));

  async #announce(organizationId: string): Promise<void> {
    const booked = await this.admission.bookedNumber(organizationId, this.gateway.journalId);
    if (booked === null) return;
    // Finals and holds are read without an `await` between them, so no request can move from one to the other unseen.
    const finals = this.journal
      .finalsAfter(booked, organizationId)
      // A final that cannot be parsed goes to the ledger's quarantine and is not charged, so it needs no hold.
      .flatMap(({ json }) => usageRecorded.safeParse(parseJson(json)).data ?? [])
      .filter(({ holdNanoUsd }) => holdNanoUsd !== null)
      .map((event) => announcedFinal(event, this.gateway.instanceId));
    const holds = this.inFlight.holdsOf(organizationId, this.gateway);
    await this.admission.announce({ organizationId, journalId: this.gateway.journalId, holds, finals });
  }
}

function announcedFinal(event: UsageRecorded, instanceId: string): AnnouncedFinal {
  const charge = BigInt(event.chargeNanoUsd);
  const { accountIds, parts } = heldAccounts(event);
  return {
    requestId: event.requestId,
    apiKeyId: event.apiKeyId,
    instanceId,
    journalId: event.journalId,
    journalNumber: event.journalNumber,
    amountNanoUsd: charge,
    accountIds,
    ...(parts.length > 0 ? { parts: splitCharge(charge, parts) } : {}),
    parallel: false,
    tokens: 0,
  };
}

/** What the hold of an event stood on: accounts with the whole of it, and grants with parts. */
function heldAccounts({ accounts }: UsageRecorded): {
  readonly accountIds: readonly string[];
  readonly parts: readonly HeldPart[];
} {
  const accountIds: string[] = [];
  const parts: HeldPart[] = [];
  for (const account of accounts) {
    const { accountId, capNanoUsd } = account;
    const held = 'heldNanoUsd' in account ? account.heldNanoUsd : undefined;
    if (held !== undefined) parts.push({ accountId, amountNanoUsd: BigInt(held) });
    else if (capNanoUsd !== null) accountIds.push(accountId);
  }
  return { accountIds, parts };
}
