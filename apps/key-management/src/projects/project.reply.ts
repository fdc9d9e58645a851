import { listReply } from '@tollgate/http';
import { z } from 'zod';
import type { Project } from './project.js';

const EXAMPLE = {
  object: 'project',
  id: '3a1d0c52-5a0e-4f0b-8c1e-0123456789ab',
  name: 'search',
  description: null,
  created_at: '2026-11-20T09:30:00.000Z',
} as const;

const fields = {
  object: z.literal('project'),
  id: z.uuid(),
  name: z.string(),
  description: z.string().nullable(),
  created_at: z.string().meta({ format: 'date-time' }),
};

/** A project as the admin API shows it. */
export const projectReply = z.object(fields).meta({ id: 'Project', examples: [EXAMPLE] });
/** A project as a reply carries it, before it is serialised. */
export type ProjectObject = Readonly<z.input<typeof projectReply>>;

/** A project that was deleted with this request. */
export const deletedProjectReply = z
  .object({ ...fields, deleted: z.literal(true) })
  .meta({ id: 'DeletedProject', examples: [{ ...EXAMPLE, deleted: true }] });

/** One page of projects. */
export const projectListReply = listReply('ProjectList', projectReply, EXAMPLE);
/** A page of projects as a reply carries it. */
export type ProjectList = Readonly<z.input<typeof projectListReply>>;

export function projectObject({ id, name, description, createdAt }: Project): ProjectObject {
  return { object: 'project', id, name, description, created_at: createdAt.toISOString() };
}
