import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { ADMISSION_BOOKS, type AdmissionBooks } from '@tollgate/admission';
import { BUS_PROGRESS, type BusProgress } from '@tollgate/bus';
import { USAGE_TOPICS } from '@tollgate/contracts';
import { ServiceDatabase } from '@tollgate/postgres';
import { SettleHolds } from '../book-usage/settle-holds.js';
import { readLedgerSides } from './account-sums.js';
import { differencesOf, type AdmissionSide, type Difference, type LedgerSide } from './differences.js';

/** What is settled is on the bus and booked, and what is booked is settled, well within this time. */
const CATCH_UP_MS = 3_000;
const POLL_MS = 250;
/** How often held amounts and open holds are read until they agree: holds come and go between the two. */
const HOLD_READS_MAX = 4;

type Balances = Awaited<ReturnType<AdmissionBooks['accounts']>>;

/** The accounts of one organisation that were compared, and where they differ. */
export interface OrganizationCheck {
  readonly accountIds: readonly string[];
  readonly differences: readonly Difference[];
}

/** Compares ledger, events and admission for one organisation. */
@Injectable()
export class CheckOrganization {
  constructor(
    private readonly database: ServiceDatabase,
    @Inject(ADMISSION_BOOKS)
    private readonly admission: Pick<AdmissionBooks, 'accounts' | 'hasEpoch' | 'openHolds'>,
    @Inject(BUS_PROGRESS) private readonly bus: Pick<BusProgress, 'drained'>,
    private readonly settles: SettleHolds,
  ) {}

  /**
   * Compares all accounts that admission has under an open epoch, and those in `whole`, of which all transfers are
   * read. Rejects if a store or the bus cannot be reached.
   */
  async of(organizationId: string, whole: ReadonlySet<string>): Promise<OrganizationCheck> {
    const isOpen = await this.admission.hasEpoch(organizationId);
    const before: Balances = isOpen ? await this.admission.accounts(organizationId) : new Map();
    await Promise.all(USAGE_TOPICS.map((topic) => this.bus.drained(topic)));
    const accountIds = [...new Set([...before.keys(), ...whole])];
    const ledger = await readLedgerSides(this.database, organizationId, accountIds, whole);
    await this.untilBooked(organizationId, before, ledger);
    await this.settles.retry();
    const after = await this.untilSettled(organizationId, before, ledger);
    const holds = await this.holds(organizationId, after);
    // An epoch that was closed meanwhile took the balances of the ledger, or waits for the next one to do so.
    const isStillOpen = isOpen && (await this.admission.hasEpoch(organizationId));
    const differences = accountIds.flatMap((accountId) =>
      differencesOf(
        accountId,
        ledger.get(accountId) ?? { postedNanoUsd: 0n, sums: null },
        isStillOpen ? admissionSide(accountId, before, after, holds) : null,
      ),
    );
    return { accountIds, differences };
  }

  /** Reads the balances again of accounts of which admission had more than the ledger, until it has as much. */
  private async untilBooked(organizationId: string, before: Balances, ledger: Map<string, LedgerSide>): Promise<void> {
    const isBehind = (accountId: string) =>
      (ledger.get(accountId)?.postedNanoUsd ?? 0n) < (before.get(accountId)?.postedNanoUsd ?? 0n);
    const begun = performance.now();
    let behind = [...before.keys()].filter(isBehind);
    while (behind.length > 0 && performance.now() - begun < CATCH_UP_MS) {
      await pause(POLL_MS);
      const read = await readLedgerSides(this.database, organizationId, behind, new Set());
      for (const [accountId, side] of read)
        ledger.set(accountId, { ...side, sums: side.sums ?? ledger.get(accountId)?.sums ?? null });
      behind = behind.filter(isBehind);
    }
  }

  /** The balances of admission, once they are not below those of the ledger, or after a while. */
  private async untilSettled(
    organizationId: string,
    before: Balances,
    ledger: ReadonlyMap<string, LedgerSide>,
  ): Promise<Balances> {
    const begun = performance.now();
    for (;;) {
      const after = await this.admission.accounts(organizationId);
      const isBehind = [...before.keys()].some(
        (accountId) =>
          (after.get(accountId)?.postedNanoUsd ?? 0n) < (ledger.get(accountId)?.postedNanoUsd ?? 0n) &&
          after.has(accountId),
      );
      if (!isBehind || performance.now() - begun >= CATCH_UP_MS) return after;
      await pause(POLL_MS);
    }
  }

  /**
   * What is held on each account by its balance and by the open holds. Accounts of which the two differ are read again,
   * until they agree or differ twice by the same; those that change all the time are left out.
   */
  private async holds(organizationId: string, balances: Balances): Promise<Map<string, readonly [bigint, bigint]>> {
    const known = new Map<string, readonly [bigint, bigint]>();
    let unclear = new Map<string, bigint | null>([...balances.keys()].map((accountId) => [accountId, null]));
    for (let read = 1; unclear.size > 0 && read <= HOLD_READS_MAX; read++) {
      const inHolds = await this.sumOfHolds(organizationId);
      const inBalances = read === 1 ? balances : await this.admission.accounts(organizationId);
      const left = new Map<string, bigint | null>();
      for (const [accountId, differed] of unclear) {
        const held = inBalances.get(accountId)?.heldNanoUsd ?? 0n;
        const sum = inHolds.get(accountId) ?? 0n;
        if (held === sum || held - sum === differed) known.set(accountId, [held, sum]);
        else left.set(accountId, held - sum);
      }
      unclear = left;
      if (unclear.size > 0) await pause(POLL_MS);
    }
    return known;
  }

  private async sumOfHolds(organizationId: string): Promise<Map<string, bigint>> {
    const sums = new Map<string, bigint>();
    const add = (accountId: string, amount: bigint) => sums.set(accountId, (sums.get(accountId) ?? 0n) + amount);
    for (const { accountIds, amountNanoUsd, parts = [] } of await this.admission.openHolds(organizationId)) {
      for (const accountId of accountIds) add(accountId, amountNanoUsd);
      for (const part of parts) add(part.accountId, part.amountNanoUsd);
    }
    return sums;
  }
}

/** What admission has of an account; null if it has nothing of it, before or after. */
function admissionSide(
  accountId: string,
  before: Balances,
  after: Balances,
  holds: ReadonlyMap<string, readonly [bigint, bigint]>,
): AdmissionSide | null {
  const [first, last] = [before.get(accountId), after.get(accountId)];
  if (first === undefined || last === undefined) return null;
  const [heldNanoUsd, holdsNanoUsd] = holds.get(accountId) ?? [last.heldNanoUsd, null];
  return {
    postedBeforeNanoUsd: first.postedNanoUsd,
    postedAfterNanoUsd: last.postedNanoUsd,
    heldNanoUsd,
    holdsNanoUsd,
  };
}
