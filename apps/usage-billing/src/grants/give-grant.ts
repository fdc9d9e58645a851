import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { Problem, type IdempotentRequest } from '@tollgate/http';
import type { EntityManager } from 'typeorm';
import { startBalance } from '../alerts/balance/balances.js';
import { armAgain } from '../alerts/raise-alerts.js';
import { AuditRecords } from '../audit/audit-records.js';
import { billingChange } from '../terms/billing-audit.js';
import { OrganizationTerms, type Terms } from '../terms/organization-terms.js';
import { grantChange } from './grant-audit.js';
import { GrantStore } from './grant-store.js';
import { LIVE_GRANTS_MAX, type Grant } from './grant.js';

/** What the operator gives. */
export type NewGrant = Pick<
  Grant,
  'organizationId' | 'id' | 'amountNanoUsd' | 'expiresAt' | 'description' | 'createdAt'
>;

/** For so long a request that comes again gives nothing again. */
const REQUEST_LIFE_MS = 24 * 60 * 60_000;

/** Gives prepaid credit. The first grant of an organisation makes it prepaid. */
@Injectable()
export class GiveGrant {
  constructor(
    private readonly store: GrantStore,
    private readonly terms: OrganizationTerms,
    private readonly audit: AuditRecords,
  ) {}

  /**
   * Writes a grant in a transaction about its organisation. Once that is committed, call `announced` of the terms. A
   * request that a process of the release before has answered gives nothing again: that release keeps the names of
   * requests with the grants, and finds there what this one has given.
   * @throws {Problem} `grant_limit_reached`, `idempotency_key_reused`
   */
  async execute(manager: EntityManager, fields: NewGrant, request: IdempotentRequest, actor: Actor): Promise<Grant> {
    const { organizationId } = fields;
    const terms = await this.terms.lock(manager, organizationId);
    const named = namesOf(request);
    const since = new Date(fields.createdAt.getTime() - REQUEST_LIFE_MS);
    const given = named && (await this.store.givenBy(manager, organizationId, named.scope, since));
    if (given !== null) {
      if (!given.fingerprint.equals(request.fingerprint)) throw new Problem('idempotency_key_reused');
      return newGrantOf({ ...fields, id: given.id, createdAt: given.createdAt });
    }
    if ((await this.store.countLive(manager, organizationId)) >= LIVE_GRANTS_MAX)
      throw new Problem('grant_limit_reached', {
        detail: `An organisation may have ${LIVE_GRANTS_MAX} grants that are not used up and have not expired. Expire one of them, or give a larger one.`,
      });
    const grant = newGrantOf(fields);
    const isFirst = !(await this.store.hasAny(manager, organizationId));
    await this.store.insert(manager, grant, named);
    await armAgain(manager, [await startBalance(manager, organizationId, fields.createdAt)], fields.createdAt);
    const after: Terms = { ...terms, balance: isFirst ? 'prepaid' : terms.balance };
    await this.terms.save(manager, organizationId, after);
    await this.audit.add(manager, grantChange(actor, null, grant));
    if (after.balance !== terms.balance)
      await this.audit.add(manager, billingChange(organizationId, actor, terms, after));
    return grant;
  }
}

const newGrantOf = (fields: NewGrant): Grant => ({
  ...fields,
  expiredNanoUsd: 0n,
  endedByHand: false,
  live: true,
  closedAt: null,
});

/** The operator alone gives, so the key of a request names it among all of an organisation. */
function namesOf({
  key,
  fingerprint,
}: IdempotentRequest): { readonly scope: Buffer; readonly fingerprint: Buffer } | null {
  return key === null ? null : { scope: createHash('sha256').update(key).digest(), fingerprint };
}
