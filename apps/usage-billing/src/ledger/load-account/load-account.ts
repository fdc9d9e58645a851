import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { ADMISSION_BOOKS, type AdmissionBooks } from '@tollgate/admission';
import { limitOf } from '@tollgate/api-key';
import { BUS_PROGRESS, type BusProgress } from '@tollgate/bus';
import { USAGE_TOPICS, uuid, type LoadAccountRequest } from '@tollgate/contracts';
import { carriedHold, otherAccountsOf, type OpenHold } from '@tollgate/credit';
import { inTime, shareCalls } from '@tollgate/periodic';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { raiseAlertsOf } from '../../alerts/raise-alerts.js';
import { readAccounts, readPosted, saveAccounts } from '../../store/accounts.js';
import { lockOrganizations } from '../../store/organization-lock.js';
import { BillingMeter } from '../../metrics.js';
import { unavailable, UnavailableError } from '../../unavailable.js';
import { keepCarried } from '../carry-holds/carried-holds.js';
import { CALL_MS_MAX, loaded, newAccount, type AccountState } from '../account.js';
import { chargedIn } from './charged-in.js';

/** Callers wait two seconds for an answer. The work goes on, so that the next call finds it done. */
const ANSWER_WITHIN_MS = 1_800;
/** Gateways that hear of a limit have shipped within some milliseconds. */
const SHIPPED_WITHIN_MS = 1_000;
const POLL_MS = 10;

/** What admission has on the other accounts of a limit: their balances, and the calls under way that hold on them. */
interface OnOtherAccounts {
  readonly settled: Awaited<ReturnType<AdmissionBooks['balances']>>;
  readonly calls: readonly OpenHold[];
}

/** Makes accounts count what was charged before they had their limit, in the ledger and in admission. */
@Injectable()
export class LoadAccount {
  constructor(
    private readonly database: ServiceDatabase,
    @Inject(ADMISSION_BOOKS)
    private readonly admission: Pick<
      AdmissionBooks,
      'carry' | 'balances' | 'loadAccounts' | 'openHolds' | 'shippedJournals'
    >,
    @Inject(BUS_PROGRESS) private readonly bus: Pick<BusProgress, 'drained'>,
    private readonly meter: BillingMeter,
  ) {}

  /** All gateways ask at the same moment, so calls for the same load share one run. */
  private readonly loads = shareCalls((request: string) => this.loadNow(JSON.parse(request) as LoadAccountRequest));

  /**
   * Waits until the usage topics are drained, and then sets what is charged to the account to what its key, its group,
   * its project or all keys of its organisation were charged in its period. What calls under way hold on other accounts
   * of the same limit is held on this one, too, until they are booked. It may be repeated. Resolves with the sum.
   * @throws {UnavailableError} if that takes longer than a caller waits, or the bus or admission cannot be asked
   */
  async load(request: LoadAccountRequest): Promise<{ readonly postedNanoUsd: string }> {
    const { organizationId, accountId, apiKeyId, reset, startMs, generation } = request;
    const begun = performance.now();
    const work = this.loads(JSON.stringify({ organizationId, accountId, apiKeyId, reset, startMs, generation }));
    try {
      const posted = await inTime(work, ANSWER_WITHIN_MS, () => {
        throw new UnavailableError('The account is still being loaded.');
      });
      this.meter.accountLoaded('loaded', performance.now() - begun);
      return { postedNanoUsd: posted.toString() };
    } catch (error) {
      this.meter.accountLoaded('failed', performance.now() - begun);
      throw error;
    }
  }

  private async loadNow(request: LoadAccountRequest): Promise<bigint> {
    const before = await this.heldOnOthers(request);
    await this.untilGatewaysHaveShipped(request);
    const held = await this.heldOnOthers(request);
    const underWay = [...before.calls, ...held.calls];
    await Promise.all(USAGE_TOPICS.map((topic) => this.bus.drained(topic))).catch(unavailable('The bus'));
    await this.untilBooked(held.settled);
    const { organizationId, accountId, apiKeyId, generation } = request;
    const { after, carried } = await this.database.acrossOrganizations(async (manager) => {
      await lockOrganizations(manager, [organizationId]);
      const before =
        (await readAccounts(manager, [accountId])).get(accountId) ?? newAccount(accountId, organizationId, apiKeyId);
      const counted = loaded(before, await chargedIn(manager, request, before.cycle), generation);
      await saveAccounts(manager, new Map([[accountId, counted]]));
      await insertOpening(manager, request, counted.postedNanoUsd - before.postedNanoUsd);
      await raiseAlertsOf(manager, new Map([[accountId, before]]), new Map([[accountId, counted]]), new Date());
      // Admission is told the sum before the commit, so that it never counts less than the ledger.
      await this.tell(accountId, { ...counted, generation: before.generation });
      return { after: counted, carried: await keepCarried(manager, request, underWay) };
    });
    const holds = carried.map((hold) => carriedHold(hold, hold.apiKeyId));
    await this.admission.carry(organizationId, holds).catch(unavailable('Admission'));
    // And only after it that the account is loaded: from then on it is told of calls under way without a hold, which
    // the ledger does not do for an account that it has not loaded.
    await this.tell(accountId, after);
    return after.postedNanoUsd;
  }

  /** What admission has on other accounts of the limit which count in the account's period. */
  private async heldOnOthers({ organizationId, accountId }: LoadAccountRequest): Promise<OnOtherAccounts> {
    const others = otherAccountsOf(accountId, this.nowMs(), CALL_MS_MAX);
    const settled = await this.admission.balances(organizationId, others).catch(unavailable('Admission'));
    if ([...settled.values()].every(({ heldNanoUsd }) => heldNanoUsd === 0n)) return { settled, calls: [] };
    const holds = await this.admission.openHolds(organizationId).catch(unavailable('Admission'));
    const calls = holds.filter(
      ({ requestId, accountIds }) =>
        isRequestId(requestId) && !accountIds.includes(accountId) && accountIds.some((id) => others.includes(id)),
    );
    return { settled, calls };
  }

  /**
   * Waits until the ledger has all that was settled on these accounts in admission. It waits a moment only for a
   * gateway that is gone: what that has in its journal is charged once it comes back, above the limit.
   */
  private async untilBooked(settled: OnOtherAccounts['settled']): Promise<void> {
    const begun = performance.now();
    const accountIds = [...settled].flatMap(([accountId, { postedNanoUsd }]) =>
      postedNanoUsd > 0n ? [accountId] : [],
    );
    for (let first = true; accountIds.length > 0; first = false) {
      if (!first) await pause(POLL_MS);
      const ledger = await this.database.acrossOrganizations((manager) => readPosted(manager, accountIds));
      const isBooked = (accountId: string): boolean =>
        (ledger.get(accountId) ?? 0n) >= (settled.get(accountId)?.postedNanoUsd ?? 0n);
      if (accountIds.every(isBooked) || performance.now() - begun >= SHIPPED_WITHIN_MS) return;
    }
  }

  /** The time by which cycles are chosen, in milliseconds since 1970. */
  protected nowMs(): number {
    return Date.now();
  }

  private async tell(accountId: string, { organizationId, unheldNanoUsd, generation }: AccountState): Promise<void> {
    const item = { accountId, unheldNanoUsd, generation };
    await this.admission.loadAccounts(organizationId, [item]).catch(unavailable('Admission'));
  }

  /**
   * Waits until each gateway has on the bus what its calls of before it knew the limit were charged. For one that does
   * not say so (it is of the release before, or missed the change) it waits a moment only: what that has not shipped by
   * then is charged all the same, above the limit.
   */
  private async untilGatewaysHaveShipped({ organizationId, accountId, generation }: LoadAccountRequest) {
    const waiting = await this.database.inOrganization(organizationId, (manager) =>
      unconfirmedJournals(manager, { organizationId, accountId, generation }),
    );
    const begun = performance.now();
    while (waiting.size > 0 && performance.now() - begun < SHIPPED_WITHIN_MS) {
      const confirmed = await this.admission
        .shippedJournals(organizationId, limitOf(accountId), generation)
        .catch(unavailable('Admission'));
      for (const journalId of confirmed) waiting.delete(journalId);
      if (waiting.size > 0) await pause(POLL_MS);
    }
  }
}

/** Holds that are carried themselves have longer names. */
const isRequestId = (id: string): boolean => uuid.safeParse(id).success;

/**
 * The journals of the gateways that are running; none if the limit was loaded for this version before, in whichever
 * cycle: since then everything is held or told. Index: account_by_owner.
 */
async function unconfirmedJournals(
  manager: EntityManager,
  { organizationId, accountId, generation }: Pick<LoadAccountRequest, 'organizationId' | 'accountId' | 'generation'>,
): Promise<Set<string>> {
  const limit = limitOf(accountId);
  const kind = limit.slice(0, limit.indexOf(':'));
  const rows: { journal_id: string }[] = await manager.query(
    `SELECT journal_id FROM billing.gateway_instance WHERE gone_at IS NULL AND NOT EXISTS (
       SELECT FROM billing.account WHERE organization_id = $1 AND kind = $2 AND owner_id = $3
         AND ceiling_nano_usd IS NOT NULL AND generation >= $4)`,
    [organizationId, kind, limit.slice(kind.length + 1), generation],
  );
  return new Set(rows.map((row) => row.journal_id));
}

/** The ledger is append-only: what an account counts from before its limit is a transfer of its own kind. */
async function insertOpening(
  manager: EntityManager,
  { organizationId, accountId, generation }: LoadAccountRequest,
  amount: bigint,
): Promise<void> {
  if (amount === 0n) return;
  await manager.query(
    `INSERT INTO billing.transfer (organization_id, request_id, account_id, kind, amount_nano_usd, note)
     VALUES ($1, $2, $3, 'opening', $4, $5)`,
    [organizationId, randomUUID(), accountId, amount.toString(), `loaded for version ${generation}`],
  );
}
