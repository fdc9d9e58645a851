import { EntitySchema } from 'typeorm';

/** A place of an organisation, to which keys can belong. */
export interface Project {
  readonly organizationId: string;
  readonly id: string;
  /** No two projects of an organisation have the same. */
  readonly name: string;
  readonly description: string | null;
  readonly createdAt: Date;
  /** 1 at creation; each change adds one. */
  readonly version: number;
}

/** What a project is called. A field that is left out stays as it is; an empty description is none. */
export interface ProjectTexts {
  readonly name?: string | undefined;
  readonly description?: string | null | undefined;
}

/** The project with other texts; null if nothing changes. */
export function edited(
  project: Project,
  { name = project.name, description = project.description }: ProjectTexts,
): Project | null {
  const after = { ...project, name, description: description === '' ? null : description };
  if (after.name === project.name && after.description === project.description) return null;
  return { ...after, version: project.version + 1 };
}

/** The table `keys.project`. */
export const projectEntity = new EntitySchema<Project>({
  name: 'keys.project',
  schema: 'keys',
  tableName: 'project',
  columns: {
    organizationId: { type: 'text', primary: true, name: 'organization_id' },
    id: { type: 'uuid', primary: true },
    name: { type: 'text' },
    description: { type: 'text', nullable: true },
    createdAt: { type: 'timestamptz', name: 'created_at' },
    version: { type: 'integer' },
  },
});
