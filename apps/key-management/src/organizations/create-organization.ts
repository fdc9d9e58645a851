import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../ports.js';
import { KeyRelay } from '../relay/key-relay.js';
import { OrganizationStore } from './organization-store.js';
import type { Organization } from './organization.js';

/** Creates organisations. Each gets an owner at once, to whom mails about leaks are sent. */
@Injectable()
export class CreateOrganization {
  constructor(
    private readonly store: OrganizationStore,
    private readonly relay: KeyRelay,
    @Inject(KEY_MANAGEMENT_SETTINGS) private readonly settings: KeyManagementSettings,
  ) {}

  /** Resolves when the organisation is committed and its snapshot is written, or could not be written in time. */
  async execute({ name }: { readonly name: string }, actor: Actor, now: Date): Promise<Organization> {
    const organization: Organization = {
      id: randomUUID(),
      name,
      creditLimitNanoUsd: null,
      createdAt: now,
      deletedAt: null,
      version: 1,
    };
    await this.relay.snapshotsWritten(await this.store.insert(organization, this.settings.initOwnerEmail, actor));
    return organization;
  }
}
