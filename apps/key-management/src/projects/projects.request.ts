import { uuid } from '@tollgate/contracts';
import { newestFirst, pageQuery, Pages } from '@tollgate/http';
import { pathSchema } from '@tollgate/openapi';
import { z } from 'zod';
import { description, name } from '../keys/create-key/key-fields.js';

const NAME = 'One line with at least one visible character, which no other project of the organisation has.';

/** The body of `POST /v1/projects`. */
export const createProjectRequest = z
  .strictObject({
    name: name.describe(NAME),
    description: description.default(null),
  })
  .meta({
    id: 'CreateProject',
    examples: [{ name: 'search' }, { name: 'chat', description: 'The chat of the shop.' }],
  });
export type CreateProjectRequest = z.output<typeof createProjectRequest>;

/** The body of `PATCH /v1/projects/{id}`. A field that is left out stays as it is. */
export const updateProjectRequest = z
  .strictObject({
    name: name.optional().describe(NAME),
    description: description.optional().describe('Null, or an empty text, takes it away.'),
  })
  .meta({ id: 'UpdateProject', examples: [{ name: 'search, new' }, { description: null }] });
export type UpdateProjectRequest = z.output<typeof updateProjectRequest>;

/** The query of `GET /v1/projects`. */
export const listProjectsRequest = z.strictObject(pageQuery);
export type ListProjectsRequest = z.output<typeof listProjectsRequest>;

/** The project that a path names. A malformed id is answered with 404, like that of an unknown project. */
export const projectPath = pathSchema(
  'project_not_found',
  z.object({ id: uuid.describe('The `id` of a project, in any case.') }),
);
export type ProjectPath = z.output<typeof projectPath>;

/** The list of projects in pages, newest first. */
export const PROJECT_PAGES = new Pages('projects', newestFirst(z.uuid()));
