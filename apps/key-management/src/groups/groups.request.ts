import { uuid } from '@tollgate/contracts';
import { newestFirst, pageQuery, Pages } from '@tollgate/http';
import { pathSchema, shown } from '@tollgate/openapi';
import { z } from 'zod';
import { description, name } from '../keys/create-key/key-fields.js';

const NAME = 'One line with at least one visible character, which no other group of the organisation has.';

/** The body of `POST /v1/groups`. */
export const createGroupRequest = z
  .strictObject({
    name: name.describe(NAME),
    description: description.default(null),
  })
  .meta({
    id: 'CreateGroup',
    examples: [{ name: 'support bots' }, { name: 'research', description: 'May use the large models.' }],
  });
export type CreateGroupRequest = z.output<typeof createGroupRequest>;

/** The body of `PATCH /v1/groups/{id}`. A field that is left out stays as it is. */
export const updateGroupRequest = z
  .strictObject({
    name: name.optional().describe(NAME),
    description: description.optional().describe('Null, or an empty text, takes it away.'),
  })
  .meta({ id: 'UpdateGroup', examples: [{ name: 'support bots, Berlin' }, { description: null }] });
export type UpdateGroupRequest = z.output<typeof updateGroupRequest>;

/** The query of `GET /v1/groups`. */
export const listGroupsRequest = z.strictObject({
  ...pageQuery,
  q: shown(z.string().min(1).max(100), {
    type: 'string',
    minLength: 1,
    maxLength: 100,
    description: 'Only groups whose name or description has this text, in any case.',
  }).optional(),
});
export type ListGroupsRequest = z.output<typeof listGroupsRequest>;

/** The query of `GET /v1/groups/{id}/keys`. */
export const listGroupKeysRequest = z.strictObject(pageQuery);
export type ListGroupKeysRequest = z.output<typeof listGroupKeysRequest>;

const id = uuid.describe('The `id` of a group, in any case.');

/** The group that a path names. A malformed id is answered with 404, like that of an unknown group. */
export const groupPath = pathSchema('group_not_found', z.object({ id }));
export type GroupPath = z.output<typeof groupPath>;

/** A group and a key. Malformed ids are answered with 404. */
export const groupKeyPath = pathSchema(
  'group_not_found',
  z.object({ id, keyId: uuid.describe('The `id` of a key, in any case.') }),
);
export type GroupKeyPath = z.output<typeof groupKeyPath>;

/** A group and a route. */
export const groupRoutePath = pathSchema(
  'group_not_found',
  z.object({
    id,
    route: z
      .string()
      .min(1)
      .max(200)
      .describe('The name of a route of `config.yaml`, percent-encoded: `/` is `%2F`, `*` may stay.'),
  }),
);
export type GroupRoutePath = z.output<typeof groupRoutePath>;

/** The list of groups in pages, newest first. */
export const GROUP_PAGES = new Pages('groups', newestFirst(z.uuid()));
/** The list of a group's keys in pages, by their ids. */
export const GROUP_KEY_PAGES = new Pages('group_keys', z.tuple([z.uuid()]));
