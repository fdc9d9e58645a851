import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { scopesAbove } from '@tollgate/access';
import type { Actor } from '@tollgate/auth';
import {
  DEFAULT_SCOPES,
  digestsUnder,
  generateSecret,
  maskSecret,
  pepperIds,
  type Scope,
  type Secret,
} from '@tollgate/api-key';
import type { EntityManager } from 'typeorm';
import type { ApiKey } from '../api-key/api-key.js';
import { newApiKey } from '../api-key/new-api-key.js';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../../ports.js';
import { KeyRelay } from '../../relay/key-relay.js';
import { OrganizationStore } from '../../organizations/organization-store.js';
import { KeyStore, type SnapshotEntries } from '../../store/key-store.js';
import type { CreateKeyRequest } from './create-key.request.js';
import { keySettings, type KeySettingsResult } from './key-settings.js';

/** A new key with its secret, which is shown once, or why there is none: a moment that may not be named now. */
export type CreateKeyResult =
  | { readonly kind: 'created'; readonly key: ApiKey; readonly secret: Secret; readonly written: SnapshotEntries }
  | Extract<KeySettingsResult, { kind: 'invalid' }>;

/** Creates keys. The secret is in the result and is stored nowhere. */
@Injectable()
export class CreateKey {
  constructor(
    private readonly store: KeyStore,
    private readonly organizations: OrganizationStore,
    private readonly relay: KeyRelay,
    @Inject(KEY_MANAGEMENT_SETTINGS) private readonly settings: KeyManagementSettings,
  ) {}

  /** The scopes that a request asks for and that its maker may not hand out. */
  scopesAboveMaker({ scopes }: CreateKeyRequest, { principal }: Actor): readonly Scope[] {
    return principal === null ? [] : scopesAbove(principal, scopes ?? DEFAULT_SCOPES);
  }

  /**
   * Writes a key in a transaction about its organisation. Once that is committed, call `announced`.
   * @throws {Problem} `organization_not_found` if the organisation has been deleted meanwhile
   */
  async execute(
    manager: EntityManager,
    organizationId: string,
    request: CreateKeyRequest,
    actor: Actor,
    now: Date,
  ): Promise<CreateKeyResult> {
    const read = keySettings(request, now);
    if (read.kind === 'invalid') return read;
    const organization = await this.organizations.keep(manager, organizationId);
    const secret = generateSecret(this.settings.keyMarker);
    const key = newApiKey(
      {
        ...read.settings,
        id: randomUUID(),
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
    const written = await this.store.insert(
      manager,
      { change: 'created', key, actor, details: {}, at: now },
      pepperIds(this.settings.peppers),
    );
    return { kind: 'created', key, secret, written };
  }

  /**
   * Resolves when the snapshots of committed keys are written, or could not be written in time. Without a snapshot
   * gateways still find the key: they ask key-management about a key that they do not know.
   */
  async announced(written: SnapshotEntries): Promise<void> {
    await this.relay.snapshotsWritten(written);
  }
}
