import { ROLES } from '@tollgate/access';
import { listReply } from '@tollgate/http';
import { z } from 'zod';
import type { AdminKey } from './member-store.js';
import type { Member } from './member.js';
import { KEYS_SHOWN_MAX, type RemovedMember } from './remove-member/remove-member.js';

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

const SUBSCRIBED_KEY = {
  object: 'api_key',
  id: '1c4f2f5e-7f5c-4d0e-9a77-0123456789ab',
  name: 'pro',
  masked_key: 'sk-sub…x9Qf',
  subscription_id: '9a3c2f10-2f6e-4b8c-9c4e-0a6f1d7b2c55',
} as const;

const namedKey = z.object({
  object: z.literal('api_key'),
  id: z.uuid(),
  name: z.string(),
  masked_key: z.string().describe('The first six and the last four characters of the secret.'),
});

/** Who is no longer a member, with the keys by which they could still act. */
export const removedMemberReply = z
  .object({
    ...fields,
    deleted: z.literal(true),
    admin_keys: z
      .object({
        data: z.array(namedKey).readonly(),
        has_more: z.boolean().describe('Whether there are more than the hundred that are shown.'),
      })
      .describe(
        'Keys with the scope `admin` that the person made, and those that such keys made. They go on working: revoke those whose secret the person may still have.',
      ),
    ended_subscriptions: z
      .object({
        data: z
          .array(namedKey.extend({ subscription_id: z.string().nullable().describe('What the key was made for.') }))
          .readonly(),
        has_more: z.boolean().describe('Whether there are more than the hundred that are shown.'),
      })
      .describe('The keys of the subscriptions of the member. Both have ended with the membership.'),
  })
  .meta({
    id: 'RemovedMember',
    examples: [
      {
        ...EXAMPLE,
        deleted: true,
        admin_keys: { data: [ADMIN_KEY], has_more: false },
        ended_subscriptions: { data: [SUBSCRIBED_KEY], has_more: false },
      },
    ],
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

export function removedMemberObject({ member, adminKeys, endedKeys }: RemovedMember): RemovedMemberObject {
  const subscribed = endedKeys.map((key) => ({
    ...namedKeyObject(key),
    subscription_id: key.subscription?.subscriptionId ?? null,
  }));
  return {
    ...memberObject(member),
    deleted: true,
    admin_keys: firstOf(adminKeys.map(namedKeyObject)),
    ended_subscriptions: firstOf(subscribed),
  };
}

const firstOf = <T>(keys: readonly T[]): { readonly data: readonly T[]; readonly has_more: boolean } => ({
  data: keys.slice(0, KEYS_SHOWN_MAX),
  has_more: keys.length > KEYS_SHOWN_MAX,
});

const namedKeyObject = ({ id, name, maskedKey }: AdminKey): z.input<typeof namedKey> => ({
  object: 'api_key',
  id,
  name,
  masked_key: maskedKey,
});
