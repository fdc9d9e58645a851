import { Inject, Injectable } from '@nestjs/common';
import type { SnapshotBudget } from '@tollgate/api-key';
import { Outbox, ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { KeyRelay } from '../../relay/key-relay.js';
import type { SnapshotEntries } from '../../store/key-store.js';
import { KEYS_SCHEMA, WRITE_ORGANIZATION } from '../../store/outbox-effects.js';
import { ownersOf } from '../../store/known-owners-store.js';
import { billingText, organizationOf, SELECT_ORGANIZATION, type OrganizationRow } from '../organization-store.js';
import {
  budgetEnd,
  organizationSnapshotOf,
  withBudgets,
  type BillingTerms,
  type Organization,
} from '../organization.js';
import type { ToldTerms } from './read-billing-terms.js';

/** Index: organization_pk. */
const STORE = `UPDATE keys.organization SET billing_terms = $2::jsonb, billing_version = $3, version = $4
  WHERE id = $1 AND billing_version < $3 RETURNING id`;

/** Keeps beside an organisation what usage-billing says of its credit, and writes its snapshot anew. */
@Injectable()
export class TakeBillingTerms {
  private readonly outbox = new Outbox(KEYS_SCHEMA);

  constructor(
    private readonly database: ServiceDatabase,
    @Inject(KeyRelay) private readonly relay: Pick<KeyRelay, 'wake' | 'organizationWritten'>,
  ) {}

  /**
   * Resolves when it is stored; a message that comes again, or after a newer one, changes nothing. A deleted
   * organisation has no use for it.
   */
  async execute(told: ToldTerms): Promise<void> {
    const written = await this.store(told);
    if (written.length > 0) this.relay.wake();
  }

  /** The same; resolves with true once the snapshot of these or newer terms is written, with false if not in time. */
  async everywhere(told: ToldTerms): Promise<boolean> {
    return this.relay.organizationWritten(told.organizationId, await this.store(told));
  }

  /** The outbox entries that tell of it; none where nothing was stored. */
  private store({ organizationId, version, terms }: ToldTerms): Promise<SnapshotEntries> {
    return this.database.inOrganization(organizationId, async (manager) => {
      const rows = await manager.query<OrganizationRow[]>(
        `${SELECT_ORGANIZATION} WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE`,
        [organizationId],
      );
      if (rows[0] === undefined) return [];
      const before = organizationOf(rows[0]);
      const { billing, ended } = await livingTerms(manager, organizationId, terms);
      const after: Organization = { ...before, billing, version: before.version + 1 };
      const [changed] = await manager.query<[unknown[], number]>(STORE, [
        organizationId,
        billingText(billing),
        version,
        after.version,
      ]);
      if (changed.length === 0) return [];
      await this.outbox.add(manager, ...ended.map((budget) => budgetEnd({ organizationId, ...budget })));
      return this.outbox.add(manager, {
        effect: WRITE_ORGANIZATION,
        key: organizationId,
        payload: JSON.stringify(organizationSnapshotOf(after)),
      });
    });
  }
}

/**
 * The terms without budgets of groups and projects that were deleted while usage-billing made or changed these, and
 * whose these are: it is told to end them.
 */
async function livingTerms(
  manager: EntityManager,
  organizationId: string,
  terms: BillingTerms,
): Promise<{ readonly billing: BillingTerms; readonly ended: readonly Pick<SnapshotBudget, 'kind' | 'ownerId'>[] }> {
  const { budgets = [] } = terms;
  const idsOf = (kind: SnapshotBudget['kind']) =>
    budgets.filter((budget) => budget.kind === kind).map(({ ownerId }) => ownerId);
  const living = {
    group: new Set((await ownersOf(manager, organizationId, 'groups', idsOf('group'))).map(({ id }) => id)),
    project: new Set((await ownersOf(manager, organizationId, 'projects', idsOf('project'))).map(({ id }) => id)),
  };
  const lives = ({ kind, ownerId }: SnapshotBudget): boolean => living[kind].has(ownerId);
  const ended = budgets.filter((budget) => !lives(budget)).map(({ kind, ownerId }) => ({ kind, ownerId }));
  return { billing: withBudgets(terms, lives), ended };
}
