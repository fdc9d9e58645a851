import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { askedRaise, Problem, raiseOrRefused, readAmount, type Precondition } from '@tollgate/http';
import { LimitAccounts } from '../keys/update-key/limit-accounts.js';
import { KeyRelay } from '../relay/key-relay.js';
import type { CreditRaise } from './credit-raise.js';
import { OrganizationChanges } from './organization-changes.js';
import type { Organization } from './organization.js';
import type { UpdateOrganizationRequest } from './organizations.request.js';

/** An organisation as a request left it. */
export interface UpdatedOrganization {
  readonly organization: Organization;
  /** What counts against its limit, in nano-USD; null where no limit was set, or usage-billing could not be asked. */
  readonly usedNanoUsd: bigint | null;
  /** Whether every gateway decides by it; if false, they are still being told. */
  readonly everywhere: boolean;
}

/** Renames organisations, and changes what holds for all their keys. */
@Injectable()
export class UpdateOrganization {
  constructor(
    private readonly changes: OrganizationChanges,
    private readonly relay: KeyRelay,
    private readonly accounts: LimitAccounts,
  ) {}

  /**
   * The organisation as it is afterwards; null if there is none. A request that changes nothing makes no new version.
   * Resolves when the snapshot is written and the account of a limit is loaded, or that took too long.
   * @throws {Problem} `precondition_failed` if it has another version than the request demands; `access_denied` if
   * somebody else than the operator names a limit
   */
  async execute(
    id: string,
    request: UpdateOrganizationRequest,
    precondition: Precondition,
    actor: Actor,
  ): Promise<UpdatedOrganization | null> {
    const setsLimit = request.credit_limit_usd !== undefined || request.credit_limit_raise !== undefined;
    if (setsLimit && actor.principal?.kind !== 'operator')
      throw new Problem('access_denied', { detail: 'The operator alone sets the credit limit of an organisation.' });
    const decide = (organization: Organization): Organization | null => {
      precondition.holdsFor(organization.version);
      return edited(organization, request, new Date());
    };
    const changed = await this.changes.change(id, decide, actor);
    if (changed === null) return null;
    const { organization, written } = changed;
    const isLimited = request.credit_limit_usd !== undefined && organization.creditLimitNanoUsd !== null;
    const [usedNanoUsd, everywhere] = await Promise.all([
      isLimited ? this.accounts.loadOrganization(organization) : null,
      this.relay.snapshotsWritten(written),
    ]);
    return { organization, usedNanoUsd, everywhere };
  }
}

/**
 * The organisation with what a request changes; null if that is nothing. A first limit counts what was charged before:
 * from this version on, admission waits until the ledger has loaded that.
 */
function edited(before: Organization, request: UpdateOrganizationRequest, now: Date): Organization | null {
  const version = before.version + 1;
  const { name = before.name, key_names_immutable: keyNamesImmutable = before.keyNamesImmutable } = request;
  const { credit_limit_usd: limit } = request;
  const creditLimitNanoUsd =
    limit === undefined ? before.creditLimitNanoUsd : limit === null ? null : readAmount(limit);
  const { credit_limit_raise: raise } = request;
  const creditRaise = raiseOrRefused(askedRaise(raise, before.creditRaise, creditLimitNanoUsd, now));
  if (
    name === before.name &&
    isSameRaise(creditRaise, before.creditRaise) &&
    keyNamesImmutable === before.keyNamesImmutable &&
    creditLimitNanoUsd === before.creditLimitNanoUsd
  )
    return null;
  const isFirst = before.creditLimitNanoUsd === null && creditLimitNanoUsd !== null;
  const creditGeneration = isFirst ? version : before.creditGeneration;
  return { ...before, name, keyNamesImmutable, creditLimitNanoUsd, creditGeneration, creditRaise, version };
}

const isSameRaise = (one: CreditRaise | null, other: CreditRaise | null): boolean =>
  one?.amountNanoUsd === other?.amountNanoUsd && one?.until.getTime() === other?.until.getTime();
