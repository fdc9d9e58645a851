import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { digestsUnder, generateSecret, maskSecret, pepperIds, type Secret } from '@tollgate/api-key';
import type { FieldError } from '@tollgate/errors';
import type { EntityManager } from 'typeorm';
import type { ApiKey } from '../api-key/api-key.js';
import { newApiKey } from '../api-key/new-api-key.js';
import { demandGrant, demandGroups, reachOf } from '../grant-key/key-givers.js';
import { LastingGivers } from '../grant-key/lasting-givers.js';
import { OrganizationStore } from '../../organizations/organization-store.js';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../../ports.js';
import { KeyStore, type SnapshotEntries } from '../../store/key-store.js';
import { KeyReferences } from './key-references.js';

/** A new key with its secret, which is shown once, or the fields of the request that are at fault. */
export type CreateKeyResult =
  | { readonly kind: 'created'; readonly key: ApiKey; readonly secret: Secret; readonly written: SnapshotEntries }
  | { readonly kind: 'invalid'; readonly errors: readonly FieldError[] };

/** What is chosen of a new key; the rest restricts nothing. */
export type NewKeyFields = Pick<ApiKey, 'name' | 'scopes'> &
  Partial<Omit<ApiKey, 'secrets' | 'maskedKey' | 'organizationId' | 'createdAt' | 'version'>>;

/** Writes new keys of every kind. Nobody gives one more than they have themselves. */
@Injectable()
export class NewKeys {
  constructor(
    private readonly store: KeyStore,
    private readonly organizations: OrganizationStore,
    private readonly givers: LastingGivers,
    private readonly references: KeyReferences,
    @Inject(KEY_MANAGEMENT_SETTINGS) private readonly settings: KeyManagementSettings,
  ) {}

  /**
   * Writes a key in a transaction about its organisation.
   * @throws {Problem} `organization_not_found` if the organisation has been deleted meanwhile, `access_denied` if the
   * actor may not give the key all that is asked for, `invalid_credential` if the session has ended meanwhile
   */
  async write(
    manager: EntityManager,
    organizationId: string,
    fields: NewKeyFields,
    actor: Actor,
    now: Date,
  ): Promise<CreateKeyResult> {
    const organization = await this.organizations.keep(manager, organizationId);
    const errors = await this.references.faults(manager, organizationId, fields);
    if (errors.length > 0) return { kind: 'invalid', errors };
    const secret = generateSecret(this.settings.keyMarker, fields.kind === 'subscription' ? 'sk-sub-' : 'sk-');
    const key = newApiKey(
      {
        id: randomUUID(),
        ...fields,
        organizationId,
        organizationCreditLimitNanoUsd: organization.creditLimitNanoUsd,
        createdAt: now,
      },
      {
        // While a pepper is being replaced, gateways that were not replaced yet know the previous one alone.
        digests: digestsUnder(secret.reveal(), this.settings.peppers),
        maskedKey: maskSecret(secret),
      },
    );
    const giver = await this.givers.giverNow(manager, organizationId, actor, now);
    demandGrant(giver, reachOf(key), null);
    demandGroups(giver, key.groupIds, []);
    const written = await this.store.insert(
      manager,
      { change: 'created', key, actor, details: {}, at: now },
      pepperIds(this.settings.peppers),
    );
    return { kind: 'created', key, secret, written };
  }
}
