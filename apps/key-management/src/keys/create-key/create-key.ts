import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { scopesAbove } from '@tollgate/access';
import type { Actor } from '@tollgate/auth';
import { digestsUnder, generateSecret, maskSecret, pepperIds, type Scope, type Secret } from '@tollgate/api-key';
import type { ApiKey } from '../api-key/api-key.js';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../../ports.js';
import { KeyRelay } from '../../relay/key-relay.js';
import { OrganizationStore } from '../../organizations/organization-store.js';
import { KeyStore } from '../../store/key-store.js';
import type { CreateKeyRequest } from './create-key.request.js';
import { keySettings, type KeySettingsResult } from './key-settings.js';

/** A new key with its secret, which is shown once, or why there is none: a moment that may not be named now. */
export type CreateKeyResult =
  | { readonly kind: 'created'; readonly key: ApiKey; readonly secret: Secret }
  | Extract<KeySettingsResult, { kind: 'invalid' }>
  /** These scopes are more than the maker has. */
  | { readonly kind: 'above_maker'; readonly scopes: readonly Scope[] };

/** Creates keys. The secret is in the result and is stored nowhere. */
@Injectable()
export class CreateKey {
  constructor(
    private readonly store: KeyStore,
    private readonly organizations: OrganizationStore,
    private readonly relay: KeyRelay,
    @Inject(KEY_MANAGEMENT_SETTINGS) private readonly settings: KeyManagementSettings,
  ) {}

  /**
   * Resolves when the key is committed and its snapshot is written, or could not be written in time. Without a snapshot
   * gateways still find the key: they ask key-management about a key that they do not know.
   */
  async execute(organizationId: string, request: CreateKeyRequest, actor: Actor, now: Date): Promise<CreateKeyResult> {
    const read = keySettings(request, now);
    if (read.kind === 'invalid') return read;
    const above = actor.principal === null ? [] : scopesAbove(actor.principal, read.settings.scopes);
    if (above.length > 0) return { kind: 'above_maker', scopes: above };
    const organization = await this.organizations.find(organizationId);
    const secret = generateSecret(this.settings.keyMarker);
    const key: ApiKey = {
      ...read.settings,
      id: randomUUID(),
      organizationId,
      organizationCreditLimitNanoUsd: organization?.creditLimitNanoUsd ?? null,
      maskedKey: maskSecret(secret),
      // While a pepper is being replaced, gateways that were not replaced yet know the previous one alone.
      digests: digestsUnder(secret.reveal(), this.settings.peppers),
      createdAt: now,
      version: 1,
      revocation: null,
      deletedAt: null,
    };
    const written = await this.store.insert(
      { change: 'created', key, actor, details: {}, at: now },
      pepperIds(this.settings.peppers),
    );
    await this.relay.snapshotsWritten(written);
    return { kind: 'created', key, secret };
  }
}
