import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { ADMISSION_BOOKS, type AdmissionBooks } from '@tollgate/admission';
import { grantAccountId } from '@tollgate/api-key';
import { BUS_PROGRESS, type BusProgress } from '@tollgate/bus';
import { USAGE_TOPICS } from '@tollgate/contracts';
import { ServiceDatabase } from '@tollgate/postgres';
import { PeriodicService } from '@tollgate/service';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import type { EntityManager } from 'typeorm';
import { CALL_MS_MAX } from '../ledger/account.js';
import { readPosted } from '../store/accounts.js';
import { lockOrganizations } from '../store/organization-lock.js';
import { OrganizationTerms } from '../terms/organization-terms.js';
import { GrantStore } from './grant-store.js';
import { hasExpired, type Grant } from './grant.js';

const EVERY_MS = 5_000;
/** Organisations with grants that end, in one run; the others follow in the next. */
const ORGANIZATIONS_MAX = 200;
/** A gateway that knows of a change late goes on for 3 s at most, and the clocks of admission and ours may differ. */
const MARGIN_MS = 10_000;
/** After this long under one epoch, every gateway has announced its holds or counts as gone. */
const ANNOUNCED_MS = 60_000;

/** Indexes: grant_open, account_pk. */
const ENDING = `SELECT DISTINCT g.organization_id FROM billing.grant AS g
  LEFT JOIN billing.account AS a ON a.account_id = 'grant:' || g.id
  WHERE g.closed_at IS NULL AND (NOT g.live OR g.expires_at <= $1 OR a.posted_nano_usd >= g.amount_nano_usd)
  ORDER BY g.organization_id LIMIT $2`;

/**
 * The most that may be posted is what has not lapsed: a call that turns up late finds nothing more. Where a grant
 * has no account yet, its first event finds what lapsed (`readLedger`). Index: account_by_organization.
 */
const LOWER = `UPDATE billing.account SET closed_at = $3, ceiling_nano_usd = greatest(posted_nano_usd, least(ceiling_nano_usd, $4))
  WHERE account_id = $1 AND organization_id = $2`;

/** Index: credit_epoch_pk. */
const EPOCH = 'SELECT opened_at FROM billing.credit_epoch WHERE organization_id = $1';

/** What calls in flight still have of grants. */
interface Holds {
  /** What admission has of each account at one moment. */
  readonly of: ReadonlyMap<string, { readonly postedNanoUsd: bigint; readonly heldNanoUsd: bigint }>;
  /** Only grants that expired before this moment are known whole. */
  readonly expiredBeforeMs: number;
}

/**
 * Ends grants: what is used up or has expired leaves the snapshot, and what lapsed is written to the ledger. Admission
 * passes over an expired grant by its clock, so nobody waits for this. A grant that was closed and has credit again,
 * since a call that it paid for has cost less after all, comes back. Several processes may do it at once: the lock of
 * the organisation's terms lets one after the other, and what is done already is not done again.
 */
@Injectable()
export class EndGrants extends PeriodicService {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly store: GrantStore,
    private readonly terms: OrganizationTerms,
    @Inject(ADMISSION_BOOKS) private readonly admission: Pick<AdmissionBooks, 'accounts' | 'hasEpoch'>,
    @Inject(BUS_PROGRESS) private readonly bus: Pick<BusProgress, 'drained'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super({ everyMs: EVERY_MS, background: true });
  }

  /** Ends what is to end at `now`. Rejects if the database, the bus or admission cannot be asked. */
  async end(now: Date): Promise<void> {
    const ending = await this.database.acrossOrganizations((manager) =>
      manager.query<{ organization_id: string }[]>(ENDING, [now, ORGANIZATIONS_MAX]),
    );
    for (const { organization_id: organizationId } of ending) {
      await this.leaveSnapshot(organizationId, now);
      await this.lapse(organizationId, now);
      if (this.periodic.stopped) return;
    }
  }

  /**
   * Grants that have expired or are used up are not told to gateways any more, and those that have credit again are, in
   * one message for all of them.
   */
  private async leaveSnapshot(organizationId: string, now: Date): Promise<void> {
    const isTold = await this.changeOpen(organizationId, (grant, postedNanoUsd) => {
      const usedUp = postedNanoUsd >= grant.amountNanoUsd;
      if (grant.live)
        return usedUp || hasExpired(grant, now) ? { ...grant, live: false, closedAt: usedUp ? now : null } : null;
      if (usedUp) return { ...grant, closedAt: now };
      return isSafeFromEnd(grant, now) ? { ...grant, live: true } : null;
    });
    if (isTold) this.terms.announced();
  }

  /** Writes what lapsed of grants that have expired, as far as no call in flight holds it. */
  private async lapse(organizationId: string, now: Date): Promise<void> {
    const open = (await this.store.open(organizationId)).filter((grant) => !grant.live && hasExpired(grant, now));
    if (open.every(({ expiresAt }) => (expiresAt?.getTime() ?? 0) > now.getTime() - MARGIN_MS)) return;
    await Promise.all(USAGE_TOPICS.map((topic) => this.bus.drained(topic)));
    const holds = await this.holdsOf(organizationId, now);
    await this.changeOpen(organizationId, (grant, postedNanoUsd) => {
      if (grant.live || grant.expiresAt === null || grant.expiresAt.getTime() > holds.expiredBeforeMs) return null;
      const account = holds.of.get(grantAccountId(grant.id)) ?? { postedNanoUsd: 0n, heldNanoUsd: 0n };
      // A settle that is not booked yet is posted in admission alone, and a booked one may still be held there.
      const spent = account.postedNanoUsd > postedNanoUsd ? account.postedNanoUsd : postedNanoUsd;
      const rest = grant.amountNanoUsd - spent - account.heldNanoUsd;
      const expiredNanoUsd = rest > grant.expiredNanoUsd ? rest : grant.expiredNanoUsd;
      const isWhole = account.heldNanoUsd === 0n && spent === postedNanoUsd;
      if (expiredNanoUsd === grant.expiredNanoUsd && !isWhole) return null;
      return { ...grant, expiredNanoUsd, closedAt: isWhole ? now : null };
    });
  }

  /**
   * Holds are known whole a while after the last loss of admission's state. Without any state nothing is held by calls
   * that are younger than a call can be.
   */
  private async holdsOf(organizationId: string, now: Date): Promise<Holds> {
    // In this order nothing is missed that admission had before it lost its state, or before an epoch that we see.
    const of = await this.admission.accounts(organizationId);
    if (!(await this.admission.hasEpoch(organizationId)))
      return { of: new Map(), expiredBeforeMs: now.getTime() - CALL_MS_MAX };
    const rows = await this.database.inOrganization(organizationId, async (manager) => {
      // Whoever opens an epoch has this lock until its time is committed.
      await lockOrganizations(manager, [organizationId]);
      return manager.query<{ opened_at: Date | null }[]>(EPOCH, [organizationId]);
    });
    const announced = (rows[0]?.opened_at?.getTime() ?? 0) <= now.getTime() - ANNOUNCED_MS;
    return { of, expiredBeforeMs: now.getTime() - (announced ? MARGIN_MS : CALL_MS_MAX) };
  }

  /** Changes open grants under the locks of ledger and terms; resolves with whether the snapshot has others now. */
  private changeOpen(
    organizationId: string,
    decide: (grant: Grant, postedNanoUsd: bigint) => Grant | null,
  ): Promise<boolean> {
    return this.database.inOrganization(organizationId, async (manager) => {
      await lockOrganizations(manager, [organizationId]);
      const terms = await this.terms.lock(manager, organizationId);
      const grants = await this.store.lockOpen(manager, organizationId);
      const posted = await readPosted(
        manager,
        grants.map(({ id }) => grantAccountId(id)),
      );
      let hasOthers = false;
      for (const grant of grants) {
        const after = decide(grant, posted.get(grantAccountId(grant.id)) ?? 0n);
        if (after === null) continue;
        await this.write(manager, grant, after);
        hasOthers ||= grant.live !== after.live;
      }
      if (hasOthers) await this.terms.save(manager, organizationId, terms);
      return hasOthers;
    });
  }

  private async write(manager: EntityManager, before: Grant, after: Grant): Promise<void> {
    await this.store.save(manager, after);
    const lapsed = after.expiredNanoUsd - before.expiredNanoUsd;
    if (lapsed > 0n) {
      const note = after.endedByHand ? 'ended by the operator' : null;
      await this.store.transfer(manager, after, randomUUID(), 'expire', lapsed, note);
    }
    const left = (after.amountNanoUsd - after.expiredNanoUsd).toString();
    await manager.query(LOWER, [grantAccountId(after.id), after.organizationId, after.closedAt, left]);
  }

  protected override async work(): Promise<void> {
    await this.end(new Date()).catch((err: unknown) =>
      this.logger.warn({ err }, 'grants that ended could not be written yet; the next attempt follows'),
    );
  }
}

/** Whether a grant that is not told to gateways has credit for them: it was neither ended nor will be in a moment. */
const isSafeFromEnd = (grant: Grant, now: Date): boolean =>
  !grant.endedByHand && !hasExpired(grant, new Date(now.getTime() + MARGIN_MS));
