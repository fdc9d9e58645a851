import { Injectable } from '@nestjs/common';
import { scopesAbove } from '@tollgate/access';
import type { Actor } from '@tollgate/auth';
import { DEFAULT_SCOPES, generatePublicKey, type Scope } from '@tollgate/api-key';
import { Problem } from '@tollgate/http';
import type { EntityManager } from 'typeorm';
import { KeyRelay } from '../../relay/key-relay.js';
import type { SnapshotEntries } from '../../store/key-store.js';
import type { CreateKeyRequest, CreateProjectKeyRequest } from './create-key.request.js';
import { KeyReferences } from './key-references.js';
import { keySettings, projectKeySettings } from './key-settings.js';
import { NewKeys, type CreateKeyResult } from './new-keys.js';

/** Creates keys that people and programs ask for. The secret is in the result and is stored nowhere. */
@Injectable()
export class CreateKey {
  constructor(
    private readonly newKeys: NewKeys,
    private readonly references: KeyReferences,
    private readonly relay: KeyRelay,
  ) {}

  /** The scopes that a request asks for and that its maker may not hand out. */
  scopesAboveMaker({ scopes }: Pick<CreateKeyRequest, 'scopes'>, { principal }: Actor): readonly Scope[] {
    return principal === null ? [] : scopesAbove(principal, scopes ?? DEFAULT_SCOPES);
  }

  /**
   * Writes a key in a transaction about its organisation. Once that is committed, call `announced`.
   * @throws {Problem} `organization_not_found` if the organisation has been deleted meanwhile, `access_denied` if the
   * actor may not give the key all that is asked for
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
    return this.newKeys.write(manager, organizationId, read.settings, actor, now);
  }

  /**
   * Writes a project key, a pair of a public key that names the project and a secret. It opens no inference. The rest
   * is as with `execute`.
   * @throws {Problem} `project_not_found` as well
   */
  async ofProject(
    manager: EntityManager,
    { organizationId, projectId }: { readonly organizationId: string; readonly projectId: string },
    request: CreateProjectKeyRequest,
    actor: Actor,
    now: Date,
  ): Promise<CreateKeyResult> {
    if (!(await this.references.isProject(manager, organizationId, projectId))) throw new Problem('project_not_found');
    const read = projectKeySettings(request, now);
    if (read.kind === 'invalid') return read;
    const pair = { kind: 'project', projectId, publicKey: generatePublicKey(), scopes: [] } as const;
    return this.newKeys.write(manager, organizationId, { ...read.settings, ...pair }, actor, now);
  }

  /**
   * Resolves when the snapshots of committed keys are written, or could not be written in time. Without a snapshot
   * gateways still find the key: they ask key-management about a key that they do not know.
   */
  async announced(written: SnapshotEntries): Promise<void> {
    await this.relay.snapshotsWritten(written);
  }
}
