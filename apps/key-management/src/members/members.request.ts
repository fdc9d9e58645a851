import { ROLES } from '@tollgate/access';
import { uuid } from '@tollgate/contracts';
import { newestFirst, pageQuery, Pages } from '@tollgate/http';
import { pathSchema } from '@tollgate/openapi';
import { z } from 'zod';

/** The body of `PATCH /v1/members/{id}`. */
export const updateMemberRequest = z
  .strictObject({ role: z.enum(ROLES).describe('At most the role of who gives it.') })
  .meta({ id: 'UpdateMember', examples: [{ role: 'admin' }] });
export type UpdateMemberRequest = z.output<typeof updateMemberRequest>;

/** The query of `GET /v1/members`. */
export const listMembersRequest = z.strictObject(pageQuery);
export type ListMembersRequest = z.output<typeof listMembersRequest>;

/** The member that a path names. A malformed id is answered with 404, like that of an unknown member. */
export const memberPath = pathSchema(
  'member_not_found',
  z.object({ id: uuid.describe('The `id` of a member, in any case.') }),
);
export type MemberPath = z.output<typeof memberPath>;

/** The list of members in pages, newest first. */
export const MEMBER_PAGES = new Pages('members', newestFirst(z.uuid()));
