import { Injectable } from '@nestjs/common';
import type { FieldError } from '@tollgate/errors';
import type { EntityManager } from 'typeorm';
import type { ApiKey } from '../api-key/api-key.js';

/** Whether the projects and groups that keys name are there, in the organisation of the key. */
@Injectable()
export class KeyReferences {
  /**
   * The faults of what a key names, under the names of the admin API; none if all is there. The project is not deleted
   * before the caller's transaction ends. Indexes: project_pk, key_group_pk.
   */
  async faults(
    manager: EntityManager,
    organizationId: string,
    { projectId, groupIds }: Partial<Pick<ApiKey, 'projectId' | 'groupIds'>>,
  ): Promise<FieldError[]> {
    const errors: FieldError[] = [];
    if (projectId != null && !(await this.isProject(manager, organizationId, projectId)))
      errors.push({ path: 'project_id', message: 'must be the id of a project of this organisation' });
    if (groupIds === undefined || groupIds.length === 0) return errors;
    const known = await this.groupsAmong(manager, organizationId, groupIds);
    for (const [index, id] of groupIds.entries())
      if (!known.has(id))
        errors.push({ path: `groups[${index}]`, message: 'must be the id of a group of this organisation' });
    return errors;
  }

  /** Whether the organisation has the project, which is then not deleted before the caller's transaction ends. */
  async isProject(manager: EntityManager, organizationId: string, projectId: string): Promise<boolean> {
    const rows = await manager.query<object[]>(
      'SELECT 1 FROM keys.project WHERE organization_id = $1 AND id = $2 FOR KEY SHARE',
      [organizationId, projectId],
    );
    return rows.length > 0;
  }

  /**
   * Whether the organisation has the member, who is then not removed before the caller's transaction ends. Index:
   * member_pk.
   */
  async isMember(manager: EntityManager, organizationId: string, memberId: string): Promise<boolean> {
    const rows = await manager.query<object[]>(
      'SELECT 1 FROM keys.member WHERE organization_id = $1 AND id = $2 FOR KEY SHARE',
      [organizationId, memberId],
    );
    return rows.length > 0;
  }

  private async groupsAmong(
    manager: EntityManager,
    organizationId: string,
    ids: readonly string[],
  ): Promise<ReadonlySet<string>> {
    const rows = await manager.query<{ id: string }[]>(
      'SELECT id FROM keys.key_group WHERE organization_id = $1 AND id = ANY($2::uuid[]) AND deleted_at IS NULL',
      [organizationId, ids],
    );
    return new Set(rows.map(({ id }) => id));
  }
}
