import { ROLES } from '@tollgate/access';
import { uuid } from '@tollgate/contracts';
import { newestFirst, pageQuery, Pages, emailAddressField } from '@tollgate/http';
import { pathSchema } from '@tollgate/openapi';
import { z } from 'zod';
import { name } from '../keys/create-key/key-fields.js';
import { newPasswordField } from '../people/passwords.js';
import { linkTokenField } from '../sign-in/link-token.js';

/** The body of `POST /v1/invitations`. */
export const createInvitationRequest = z
  .strictObject({
    email: emailAddressField,
    role: z.enum(ROLES).describe('At most the role of who invites.'),
  })
  .meta({ id: 'CreateInvitation', examples: [{ email: 'ben@example.org', role: 'member' }] });
export type CreateInvitationRequest = z.output<typeof createInvitationRequest>;

/** The body of `POST /v1/invitations/accept`. */
export const acceptInvitationRequest = z
  .strictObject({
    token: linkTokenField,
    name: name.optional().describe('For who has no account yet: how they are shown.'),
    password: newPasswordField.optional().describe('For who has no account yet: the password of the new one.'),
  })
  .refine((body) => (body.name === undefined) === (body.password === undefined), {
    path: ['password'],
    message: 'must be given together with name, or not at all',
  })
  .meta({
    id: 'AcceptInvitation',
    examples: [
      { token: 'bG9vayBiZWhpbmQgdGhlIGhhc2ggb2YgdGhlIGxpbmsu' },
      {
        token: 'bG9vayBiZWhpbmQgdGhlIGhhc2ggb2YgdGhlIGxpbmsu',
        name: 'Ben Example',
        password: 'correct horse battery staple',
      },
    ],
  });
export type AcceptInvitationRequest = z.output<typeof acceptInvitationRequest>;

/** The query of `GET /v1/invitations`. */
export const listInvitationsRequest = z.strictObject(pageQuery);
export type ListInvitationsRequest = z.output<typeof listInvitationsRequest>;

/** The invitation that a path names. A malformed id is answered with 404, like that of an unknown invitation. */
export const invitationPath = pathSchema(
  'invitation_not_found',
  z.object({ id: uuid.describe('The `id` of an invitation, in any case.') }),
);
export type InvitationPath = z.output<typeof invitationPath>;

/** The list of open invitations in pages, newest first. */
export const INVITATION_PAGES = new Pages('invitations', newestFirst(z.uuid()));
