import { ROLES } from '@tollgate/access';
import { listReply } from '@tollgate/http';
import { z } from 'zod';
import type { AdminKey } from './member-store.js';
import type { Member } from './member.js';

const EXAMPLE = {
  object: 'member',
  id: '5f0f6b1e-2f3a-4f77-9c55-0123456789ab',
  person_id: '9a4f2f5e-7f5c-4d0e-9a77-0123456789ab',
  name: 'Ann Example',
  email: 'ann@example.org',
  role: 'admin',
  joined_at: '2026-11-20T09:30:00.000Z',
} as const;

const fields = {
  object: z.literal('member'),
  id: z.uuid(),
  person_id: z.uuid().describe('The person, who has the same id in every organisation that they belong to.'),
  name: z.string().nullable().describe('Null until the person has given one.'),
  email: z.string(),
  role: z.enum(ROLES),
  joined_at: z.string().meta({ format: 'date-time' }),
};

/** A member as the admin API shows it. */
export const memberReply = z.object(fields).meta({ id: 'Member', examples: [EXAMPLE] });
/** A member as a reply carries it, before it is serialised. */
export type MemberObject = Readonly<z.input<typeof memberReply>>;

const ADMIN_KEY = {
  object: 'api_key',
  id: '0b4f2f5e-7f5c-4d0e-9a77-0123456789ab',
  name: 'nightly batch',
  masked_key: 'sk-Tg7…x9Qf',
} as const;

/** Who is no longer a member, with the keys by which they could still act. */
export const removedMemberReply = z
  .object({
    ...fields,
    deleted: z.literal(true),
    admin_keys: z
      .object({
        data: z
          .array(
            z.object({
              object: z.literal('api_key'),
              id: z.uuid(),
              name: z.string(),
              masked_key: z.string().describe('The first six and the last four characters of the secret.'),
            }),
          )
          .readonly(),
        has_more: z.boolean().describe('Whether there are more than the hundred that are shown.'),
      })
      .describe(
        'Keys with the scope `admin` that the person made, and those that such keys made. They go on working: revoke those whose secret the person may still have.',
      ),
  })
  .meta({
    id: 'RemovedMember',
    examples: [{ ...EXAMPLE, deleted: true, admin_keys: { data: [ADMIN_KEY], has_more: false } }],
  });
/** A removed member as a reply carries it, before it is serialised. */
export type RemovedMemberObject = Readonly<z.input<typeof removedMemberReply>>;

/** One page of members. */
export const memberListReply = listReply('MemberList', memberReply, EXAMPLE);
/** A page of members as a reply carries it. */
export type MemberList = Readonly<z.input<typeof memberListReply>>;

export function memberObject({ id, personId, name, email, role, joinedAt }: Member): MemberObject {
  return { object: 'member', id, person_id: personId, name, email, role, joined_at: joinedAt.toISOString() };
}

export const adminKeyObject = ({
  id,
  name,
  maskedKey,
}: AdminKey): RemovedMemberObject['admin_keys']['data'][number] => ({
  object: 'api_key',
  id,
  name,
  masked_key: maskedKey,
});
