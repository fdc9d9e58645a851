import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { momentText, Outbox, ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { changesBetween } from '../audit/audit-entry.js';
import { AuditTrail } from '../audit/audit-trail.js';
import { budgetEnd } from '../organizations/organization.js';
import { KEYS_SCHEMA } from '../store/outbox-effects.js';
import { violatedConstraint } from '../store/violated-constraint.js';
import { projectEntity, type Project } from './project.js';

/** Where a project stands in the list: when it was created, to the microsecond, and its id. */
export type ProjectPosition = readonly [createdAt: string, id: string];

/** A project in a list. */
export interface ListedProject {
  readonly project: Project;
  readonly position: ProjectPosition;
}

interface ProjectRow {
  id: string;
  name: string;
  description: string | null;
  created_at: Date;
  version: number;
  created_at_text: string;
}

/** Index: project_newest. */
const SELECT_PAGE = `SELECT id, name, description, created_at, version, ${momentText('created_at')} AS created_at_text
  FROM keys.project
  WHERE organization_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2::timestamptz, $3::uuid))
  ORDER BY created_at DESC, id DESC LIMIT $4`;

/** Projects with their audit trail. */
@Injectable()
export class ProjectStore {
  private readonly audit = new AuditTrail();
  private readonly outbox = new Outbox(KEYS_SCHEMA);

  constructor(private readonly database: ServiceDatabase) {}

  /** Null if the organisation has no such project. */
  async find(organizationId: string, id: string): Promise<Project | null> {
    return this.database.inOrganization(organizationId, (manager) =>
      manager.getRepository(projectEntity).findOneBy({ organizationId, id }),
    );
  }

  /** The first `count` behind a position, newest first; null for all. */
  async list(organizationId: string, count: number, after: ProjectPosition | null): Promise<ListedProject[]> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<ProjectRow[]>(SELECT_PAGE, [organizationId, after?.[0] ?? null, after?.[1] ?? null, count]),
    );
    return rows.map(({ created_at: createdAt, created_at_text: text, ...row }) => ({
      project: { ...row, organizationId, createdAt },
      position: [text, row.id],
    }));
  }

  /** Writes a new project in a transaction about its organisation, which is to run `unlessTaken`. */
  async insert(manager: EntityManager, project: Project, actor: Actor): Promise<void> {
    await manager.getRepository(projectEntity).insert(project);
    await this.record(manager, null, project, actor);
  }

  /**
   * Locks the project and writes what `decide` makes of it; null writes nothing. Resolves with the project as it is
   * now, or null if there is none.
   */
  async change(
    organizationId: string,
    id: string,
    decide: (project: Project) => Project | null,
    actor: Actor,
  ): Promise<Project | 'name_taken' | null> {
    return unlessTaken(() =>
      this.database.inOrganization(organizationId, async (manager) => {
        const before = await locked(manager, organizationId, id);
        const after = before && decide(before);
        if (before === null || after === null) return before;
        const { name, description, version } = after;
        await manager.getRepository(projectEntity).update({ organizationId, id }, { name, description, version });
        await this.record(manager, before, after, actor);
        return after;
      }),
    );
  }

  /**
   * Deletes a project to which no key belongs, and ends its budget. Null if there is none; `in_use` if a key belongs to
   * it.
   */
  async delete(
    organizationId: string,
    id: string,
    allow: (project: Project) => void,
    actor: Actor,
  ): Promise<Project | 'in_use' | null> {
    try {
      return await this.database.inOrganization(organizationId, async (manager) => {
        const project = await locked(manager, organizationId, id);
        if (project === null) return null;
        allow(project);
        await forgetIn(manager, organizationId, id);
        await manager.getRepository(projectEntity).delete({ organizationId, id });
        await this.outbox.add(manager, budgetEnd({ organizationId, kind: 'project', ownerId: id, name: project.name }));
        await this.record(manager, project, null, actor);
        return project;
      });
    } catch (error) {
      if (violatedConstraint(error)?.kind === 'foreign_key') return 'in_use';
      throw error;
    }
  }

  private async record(
    manager: EntityManager,
    before: Project | null,
    after: Project | null,
    actor: Actor,
  ): Promise<void> {
    const project = after ?? before;
    if (project === null) return;
    const action = before === null ? 'project.created' : after === null ? 'project.deleted' : 'project.updated';
    const changes = changesBetween(before && audited(before), after && audited(after));
    await this.audit.append(manager, project.organizationId, [
      { actor, action, targetType: 'project', targetId: project.id, changes },
    ]);
  }
}

const audited = ({ name, description }: Project): Record<string, string | null> => ({ name, description });

function locked(manager: EntityManager, organizationId: string, id: string): Promise<Project | null> {
  return manager
    .getRepository(projectEntity)
    .findOne({ where: { organizationId, id }, lock: { mode: 'pessimistic_write' } });
}

/** Deleted keys are hidden, and keep no project. Index: api_key_by_project. */
async function forgetIn(manager: EntityManager, organizationId: string, id: string): Promise<void> {
  await manager.query(
    `UPDATE keys.api_key SET project_id = NULL
     WHERE organization_id = $1 AND project_id = $2 AND deleted_at IS NOT NULL`,
    [organizationId, id],
  );
}

/** Runs work that gives a project its name; `name_taken` if another one of the organisation has it. */
export async function unlessTaken<T>(work: () => Promise<T>): Promise<T | 'name_taken'> {
  try {
    return await work();
  } catch (error) {
    if (violatedConstraint(error)?.name === 'project_name_unique') return 'name_taken';
    throw error;
  }
}
