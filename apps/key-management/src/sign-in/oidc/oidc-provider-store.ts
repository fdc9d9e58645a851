import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { ServiceDatabase } from '@tollgate/postgres';
import { IsNull, Not, type EntityManager } from 'typeorm';
import { lockOrganization } from '../../organizations/lock-organization.js';
import { changesBetween } from '../../audit/audit-entry.js';
import { AuditTrail } from '../../audit/audit-trail.js';
import type { AuditValue } from '../../audit/audit-value.js';
import { sessionEntity } from '../session.js';
import { signInAttemptEntity } from './sign-in-attempt.js';
import {
  changedProvider,
  oidcProviderEntity,
  type OidcProvider,
  type ProviderChange,
  type ProviderSettings,
} from './oidc-provider.js';

/** The identity providers of organisations, one each, with their audit trail. */
@Injectable()
export class OidcProviderStore {
  private readonly audit = new AuditTrail();

  constructor(private readonly database: ServiceDatabase) {}

  /** Null if the organisation has none, or is none. */
  async find(organizationId: string): Promise<OidcProvider | null> {
    return this.database.inOrganization(organizationId, (manager) => this.findIn(manager, organizationId));
  }

  /** `find` in the caller's transaction. */
  async findIn(manager: EntityManager, organizationId: string): Promise<OidcProvider | null> {
    return manager.getRepository(oidcProviderEntity).findOneBy({ organizationId });
  }

  /** Changes the provider, or makes it. Of two first ones at once the second changes what the first has made. */
  async set(organizationId: string, settings: ProviderSettings, actor: Actor, now: Date): Promise<ProviderChange> {
    return this.database.inOrganization(organizationId, async (manager) => {
      await lockOrganization(manager, organizationId);
      const repository = manager.getRepository(oidcProviderEntity);
      const locked = () => repository.findOne({ where: { organizationId }, lock: { mode: 'pessimistic_write' } });
      let current = await locked();
      let change = changedProvider(organizationId, current, settings, now);
      if (current === null && change.kind === 'changed') {
        const { raw } = await repository
          .createQueryBuilder()
          .insert()
          .values(change.provider)
          .orIgnore()
          .returning('version')
          .execute();
        if ((raw as unknown[]).length === 0) {
          current = await locked();
          change = changedProvider(organizationId, current, settings, now);
        }
      }
      if (change.kind !== 'changed') return change;
      if (current !== null) await repository.update({ organizationId }, change.provider);
      if (current !== null && !isSameClient(current, change.provider))
        await endSessions(manager, organizationId, actor);
      await this.note(manager, 'oidc_provider.changed', actor, organizationId, {
        before: current === null ? null : shownOf(current),
        after: shownOf(change.provider),
        secret: settings.clientSecret === null ? null : 'changed',
      });
      return change;
    });
  }

  /** Takes the provider away; what it was, or null if there was none. Members stay, their sessions by it end. */
  async delete(organizationId: string, actor: Actor): Promise<OidcProvider | null> {
    return this.database.inOrganization(organizationId, async (manager) => {
      const repository = manager.getRepository(oidcProviderEntity);
      const provider = await repository.findOne({ where: { organizationId }, lock: { mode: 'pessimistic_write' } });
      if (provider === null) return null;
      await repository.delete({ organizationId });
      await manager.getRepository(signInAttemptEntity).delete({ organizationId });
      await endSessions(manager, organizationId, actor);
      const before = shownOf(provider);
      await this.note(manager, 'oidc_provider.deleted', actor, organizationId, { before, after: null, secret: null });
      return provider;
    });
  }

  /** Notes, in the caller's transaction, that an owner has signed in by the settings of this version. */
  async noteProven(manager: EntityManager, { organizationId, version }: OidcProvider, at: Date): Promise<void> {
    await manager
      .getRepository(oidcProviderEntity)
      .update({ organizationId, version, provenAt: IsNull() }, { provenAt: at });
  }

  private async note(
    manager: EntityManager,
    action: string,
    actor: Actor,
    organizationId: string,
    { before, after, secret }: Change,
  ): Promise<void> {
    const target = { targetType: 'oidc_provider', targetId: organizationId };
    const details = secret === null ? {} : { client_secret: secret };
    await this.audit.append(manager, organizationId, [
      { ...target, actor, action, changes: changesBetween(before, after), details },
    ]);
  }
}

type Shown = Readonly<Record<string, AuditValue>>;
interface Change {
  readonly before: Shown | null;
  readonly after: Shown | null;
  readonly secret: string | null;
}

/** What the audit trail has of a provider: no secret, sealed or not. */
const shownOf = ({ issuer, clientId, required }: OidcProvider): Shown => ({ issuer, client_id: clientId, required });

const isSameClient = (one: OidcProvider, other: OidcProvider): boolean =>
  one.issuer === other.issuer && one.clientId === other.clientId;

/** What a provider has vouched for ends with it; the session that takes it away may finish. */
async function endSessions(manager: EntityManager, organizationId: string, { principal }: Actor): Promise<void> {
  const own = principal?.kind === 'person' ? { id: Not(principal.sessionId) } : {};
  await manager.getRepository(sessionEntity).delete({ confinedTo: organizationId, method: 'oidc', ...own });
}
