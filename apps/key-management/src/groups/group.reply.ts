import { listReply } from '@tollgate/http';
import { z } from 'zod';
import type { GroupKey } from './group-store.js';
import type { Group } from './group.js';

const ID = '7b0f7a52-1c7e-4b7e-9a55-0123456789ab';
const KEY = 'c0a8012e-5a0e-4f0b-8c1e-0123456789ab';
const EXAMPLE = {
  object: 'group',
  id: ID,
  name: 'support bots',
  description: null,
  routes: ['gpt-4o', 'o1*'],
  created_at: '2026-12-01T09:30:00.000Z',
} as const;

const fields = {
  object: z.literal('group'),
  id: z.uuid(),
  name: z.string(),
  description: z.string().nullable(),
  routes: z.array(z.string()).readonly().describe('The names of the routes that it opens to its keys.'),
  created_at: z.string().meta({ format: 'date-time' }),
};

/** A group as the admin API shows it. */
export const groupReply = z.object(fields).meta({ id: 'Group', examples: [EXAMPLE] });
/** A group as a reply carries it, before it is serialised. */
export type GroupObject = Readonly<z.input<typeof groupReply>>;

/** A group that was deleted with this request. */
export const deletedGroupReply = z
  .object({ ...fields, deleted: z.literal(true) })
  .meta({ id: 'DeletedGroup', examples: [{ ...EXAMPLE, deleted: true }] });

/** One page of groups. */
export const groupListReply = listReply('GroupList', groupReply, EXAMPLE);
export type GroupList = Readonly<z.input<typeof groupListReply>>;

const KEY_EXAMPLE = { object: 'group_key', group_id: ID, id: KEY, name: 'support bot' } as const;
const groupKeyReply = z
  .object({
    object: z.literal('group_key'),
    group_id: z.uuid(),
    id: z.uuid().describe('The `id` of the key.'),
    name: z.string(),
  })
  .meta({ id: 'GroupKey', examples: [KEY_EXAMPLE] });
type GroupKeyObject = Readonly<z.input<typeof groupKeyReply>>;

/** One page of a group's keys. */
export const groupKeyListReply = listReply('GroupKeyList', groupKeyReply, KEY_EXAMPLE);
export type GroupKeyList = Readonly<z.input<typeof groupKeyListReply>>;

/** Whether a key is in a group, after a change. */
export const groupMembershipReply = z
  .object({
    object: z.literal('group_membership'),
    group_id: z.uuid(),
    api_key_id: z.uuid(),
    member: z.boolean().describe('Whether the key is in the group now.'),
    groups: z.array(z.uuid()).readonly().describe('The ids of all groups that the key is in now.'),
  })
  .meta({
    id: 'GroupMembership',
    examples: [{ object: 'group_membership', group_id: ID, api_key_id: KEY, member: true, groups: [ID] }],
  });
export type GroupMembershipObject = Readonly<z.input<typeof groupMembershipReply>>;

/** Whether a group has a route, after a change. */
export const groupRouteReply = z
  .object({
    object: z.literal('group_route'),
    group_id: z.uuid(),
    route: z.string(),
    granted: z.boolean().describe('Whether the group has the route now.'),
    access: z
      .enum(['everyone', 'groups'])
      .nullable()
      .describe(
        'Who may use the route by `config.yaml`: a route for `everyone` is open to keys of no group too. Null if the file no longer has it.',
      ),
  })
  .meta({
    id: 'GroupRoute',
    examples: [{ object: 'group_route', group_id: ID, route: 'gpt-4o', granted: true, access: 'groups' }],
  });
export type GroupRouteObject = Readonly<z.input<typeof groupRouteReply>>;

export function groupObject({ id, name, description, routes, createdAt }: Group): GroupObject {
  return { object: 'group', id, name, description, routes, created_at: createdAt.toISOString() };
}

export function groupKeyObject(groupId: string, { id, name }: GroupKey): GroupKeyObject {
  return { object: 'group_key', group_id: groupId, id, name };
}
