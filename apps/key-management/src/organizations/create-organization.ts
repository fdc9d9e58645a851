import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Actor } from '../keys/api-key/key-change.js';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../ports.js';
import { KeyRelay } from '../relay/key-relay.js';
import { OrganizationStore } from './organization-store.js';
import type { Organization } from './organization.js';

/** Makes organisations. Each has an owner from the beginning, who is told of leaks. */
@Injectable()
export class CreateOrganization {
  constructor(
    private readonly store: OrganizationStore,
    private readonly relay: KeyRelay,
    @Inject(KEY_MANAGEMENT_SETTINGS) private readonly settings: KeyManagementSettings,
  ) {}

  /** Resolves when it is committed and, where the snapshot store answers, known to every gateway. */
  async execute({ name }: { readonly name: string }, actor: Actor, now: Date): Promise<Organization> {
    const organization: Organization = {
      id: randomUUID(),
      name,
      creditLimitNanoUsd: null,
      createdAt: now,
      version: 1,
    };
    await this.relay.snapshotsWritten(await this.store.insert(organization, this.settings.initOwnerEmail, actor));
    return organization;
  }
}
