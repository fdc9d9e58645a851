import { randomUUID } from 'node:crypto';
import type { Actor } from '../api-key/key-change.js';
import type { KeyRelay } from '../relay/key-relay.js';
import type { OrganizationStore } from './organization-store.js';
import type { Organization } from './organization.js';

/** Makes organisations. Each has an owner from the beginning, who is told of leaks. */
export class CreateOrganization {
  constructor(
    private readonly store: OrganizationStore,
    private readonly relay: KeyRelay,
    /** The address of the first owner. */
    private readonly ownerEmail: string,
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
    await this.relay.snapshotsWritten(await this.store.insert(organization, this.ownerEmail, actor));
    return organization;
  }
}
