import { uuid } from '@tollgate/contracts';
import { newestFirst, pageQuery, Pages, emailAddressField } from '@tollgate/http';
import { pathSchema } from '@tollgate/openapi';
import { z } from 'zod';
import { givenPasswordField } from '../people/passwords.js';

/** The body of `POST /v1/sessions`. */
export const createSessionRequest = z
  .strictObject({ email: emailAddressField, password: givenPasswordField })
  .meta({ id: 'CreateSession', examples: [{ email: 'ada@example.org', password: 'correct horse battery staple' }] });
export type CreateSessionRequest = z.output<typeof createSessionRequest>;

/** The body of `POST /v1/sessions/current/step-up`. */
export const stepUpRequest = z
  .strictObject({ password: givenPasswordField })
  .meta({ id: 'StepUpSession', examples: [{ password: 'correct horse battery staple' }] });
export type StepUpRequest = z.output<typeof stepUpRequest>;

/** The query of `GET /v1/sessions`. */
export const listSessionsRequest = z.strictObject(pageQuery);
export type ListSessionsRequest = z.output<typeof listSessionsRequest>;

/** The list of a person's sessions in pages, newest first. */
export const SESSION_PAGES = new Pages('sessions', newestFirst(z.uuid()));

/** The session that a path names. An id that is not a UUID is answered like that of an unknown session. */
export const sessionPath = pathSchema(
  'session_not_found',
  z.object({ id: uuid.describe('The `id` of a session, in any case.') }),
);
export type SessionPath = z.output<typeof sessionPath>;
