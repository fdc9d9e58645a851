import { ROLES } from '@tollgate/access';
import { listReply } from '@tollgate/http';
import { z } from 'zod';
import { openedSessionReply } from '../sign-in/session.reply.js';
import type { ShownInvitation } from './invitation-store.js';
import { MAKER_EXAMPLE, makerObject, makerReply } from './maker.reply.js';
import { memberReply } from './member.reply.js';

const moment = z.string().meta({ format: 'date-time' });

const EXAMPLE = {
  object: 'invitation',
  id: '2c9a6f0e-7d1f-4c52-9a43-0f6b8f2d7e11',
  email: 'ben@example.org',
  role: 'member',
  invited_by: MAKER_EXAMPLE,
  created_at: '2026-11-20T09:30:00.000Z',
  expires_at: '2026-11-27T09:30:00.000Z',
} as const;

const fields = {
  object: z.literal('invitation'),
  id: z.uuid(),
  email: z.string().describe('The address in its one normal form.'),
  role: z.enum(ROLES),
  invited_by: makerReply,
  created_at: moment,
  expires_at: moment.describe('From then on nobody can accept it.'),
};

/** An open invitation as the admin API shows it. The link stands in the mail alone. */
export const invitationReply = z.object(fields).meta({ id: 'Invitation', examples: [EXAMPLE] });
/** An invitation as a reply carries it, before it is serialised. */
export type InvitationObject = Readonly<z.input<typeof invitationReply>>;

/** An invitation that was taken back with this request. */
export const deletedInvitationReply = z
  .object({ ...fields, deleted: z.literal(true) })
  .meta({ id: 'DeletedInvitation', examples: [{ ...EXAMPLE, deleted: true }] });

/** One page of invitations. */
export const invitationListReply = listReply('InvitationList', invitationReply, EXAMPLE);
/** A page of invitations as a reply carries it. */
export type InvitationList = Readonly<z.input<typeof invitationListReply>>;

/** What follows from an accepted invitation. */
export const acceptedInvitationReply = z
  .object({
    object: z.literal('accepted_invitation'),
    organization_id: z.string(),
    member: memberReply,
    session: openedSessionReply
      .nullable()
      .describe('The session of a new person, whose token is in the cookie alone; null for one who has a session.'),
  })
  .meta({
    id: 'AcceptedInvitation',
    examples: [
      {
        object: 'accepted_invitation',
        organization_id: 'default',
        member: {
          object: 'member',
          id: '5f0f6b1e-2f3a-4f77-9c55-0123456789ab',
          person_id: '9a4f2f5e-7f5c-4d0e-9a77-0123456789ab',
          name: 'Ben Example',
          email: 'ben@example.org',
          role: 'member',
          joined_at: '2026-11-21T10:00:00.000Z',
        },
        session: null,
      },
    ],
  });
/** An accepted invitation as a reply carries it, before it is serialised. */
export type AcceptedInvitationObject = Readonly<z.input<typeof acceptedInvitationReply>>;

export function invitationObject(invitation: ShownInvitation): InvitationObject {
  return {
    object: 'invitation',
    id: invitation.id,
    email: invitation.email,
    role: invitation.role,
    invited_by: makerObject(invitation.invitedBy),
    created_at: invitation.createdAt.toISOString(),
    expires_at: invitation.expiresAt.toISOString(),
  };
}
