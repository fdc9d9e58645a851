import { Inject, Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import type { EntityManager } from 'typeorm';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../ports.js';
import { KeyRelay } from '../relay/key-relay.js';
import type { SnapshotEntries } from '../store/key-store.js';
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

  /** Writes an organisation in a transaction about it. Once that is committed, call `announced`. */
  async execute(
    manager: EntityManager,
    { id, name }: { readonly id: string; readonly name: string },
    actor: Actor,
    now: Date,
  ): Promise<{ organization: Organization; written: SnapshotEntries }> {
    const organization: Organization = {
      id,
      name,
      creditLimitNanoUsd: null,
      creditGeneration: 0,
      creditRaise: null,
      billing: {},
      groupRoutes: {},
      keyNamesImmutable: false,
      createdAt: now,
      deletedAt: null,
      version: 1,
    };
    const written = await this.store.insert(manager, organization, this.settings.initOwnerEmail, actor);
    return { organization, written };
  }

  /** Resolves when the snapshot of a committed organisation is written, or could not be written in time. */
  async announced(written: SnapshotEntries): Promise<void> {
    await this.relay.snapshotsWritten(written);
  }
}
