import { ROLES } from '@tollgate/access';
import { listReply } from '@tollgate/http';
import { z } from 'zod';
import { SIGN_IN_METHODS, type Session } from './session.js';
import type { SignedIn } from './begin-session.js';

const moment = z.string().meta({ format: 'date-time' });

const OPENED = {
  object: 'session',
  id: '5b0e9a1c-7d1f-4c52-9a43-0f6b8f2d7e11',
  method: 'password',
  created_at: '2026-11-20T09:30:00.000Z',
  proven_at: '2026-11-20T09:30:00.000Z',
  last_seen_at: '2026-11-20T11:02:00.000Z',
  expires_at: '2026-11-27T09:30:00.000Z',
  address: '203.0.113.7',
  client: 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
} as const;
const SESSION = { ...OPENED, current: true } as const;

const sessionFields = {
  object: z.literal('session'),
  id: z.string(),
  method: z.enum(SIGN_IN_METHODS).describe('How its person signed in.'),
  created_at: moment,
  proven_at: moment.describe('When its person last proved who they are: some requests need that within 10 minutes.'),
  last_seen_at: moment.describe('When it was last used, to the minute.'),
  expires_at: moment.describe('When it ends however much it is used; unused it ends earlier.'),
  address: z.string().nullable().describe('Where its person signed in from.'),
  client: z.string().nullable().describe('What the client called itself.'),
};

/** A session as its person is shown it. */
const sessionReply = z
  .object({ ...sessionFields, current: z.boolean().describe('Whether it is the one that asks.') })
  .meta({ id: 'Session', examples: [SESSION] });
export type SessionObject = Readonly<z.input<typeof sessionReply>>;

/** One page of sessions. */
export const sessionListReply = listReply('SessionList', sessionReply, SESSION);

/** A session that has ended. */
export const endedSessionReply = z
  .object({ object: z.literal('session'), id: z.string(), ended: z.literal(true) })
  .meta({ id: 'EndedSession', examples: [{ object: 'session', id: SESSION.id, ended: true }] });
export type EndedSession = Readonly<z.input<typeof endedSessionReply>>;

const membershipReply = z
  .object({ object: z.literal('membership'), id: z.string(), name: z.string(), role: z.enum(ROLES) })
  .meta({ id: 'Membership', examples: [{ object: 'membership', id: 'default', name: 'Acme', role: 'owner' }] });

/** A session that has just begun, or whose person has just proved who they are. */
export const openedSessionReply = z
  .object({
    ...sessionFields,
    csrf_token: z
      .string()
      .describe('What the pages that use this session send as `x-csrf-token` when they change things.'),
    person: z
      .object({
        object: z.literal('person'),
        id: z.string(),
        email: z.string(),
        name: z.string().nullable(),
        email_confirmed: z.boolean().describe('Whether a mail to the address has reached the person.'),
        has_password: z.boolean(),
      })
      .meta({ id: 'SignedInPerson' }),
    organization_id: z.string().nullable().describe('The one that requests without `x-organization-id` are about.'),
    organizations: z
      .array(membershipReply)
      .readonly()
      .describe('Where the person is a member, the oldest first: at most 100.'),
  })
  .meta({
    id: 'OpenedSession',
    examples: [
      {
        ...OPENED,
        csrf_token: 'vJ0m6x1n0Zk3mC0xV5b1n8sE7g2yq4tR9uW6pL3oK8I',
        person: {
          object: 'person',
          id: '0d9a6a0e-6a53-4d3e-8a37-1f6a1c2b3d4e',
          email: 'ada@example.org',
          name: 'Ada',
          email_confirmed: true,
          has_password: true,
        },
        organization_id: 'default',
        organizations: [{ object: 'membership', id: 'default', name: 'Acme', role: 'owner' }],
      },
    ],
  });
export type OpenedSessionObject = Readonly<z.input<typeof openedSessionReply>>;

/** A session as its person is shown it; `currentId` is the one that asks. */
export function sessionObject(session: Session, currentId: string): SessionObject {
  return { ...fieldsOf(session), current: session.id === currentId };
}

/** What a client is told that has signed in. The token itself is in the cookie alone. */
export function openedSessionObject(signedIn: SignedIn, csrfToken: string): OpenedSessionObject {
  const { person, session, principal, memberships } = signedIn;
  return {
    ...fieldsOf(session),
    csrf_token: csrfToken,
    person: {
      object: 'person',
      id: person.id,
      email: person.email,
      name: person.name,
      email_confirmed: person.emailConfirmedAt !== null,
      has_password: person.passwordHash !== null,
    },
    organization_id: principal.organizationId,
    organizations: memberships.map(({ id, name, role }) => ({ object: 'membership', id, name, role })),
  };
}

function fieldsOf(session: Session) {
  return {
    object: 'session',
    id: session.id,
    method: session.method,
    created_at: session.createdAt.toISOString(),
    proven_at: session.provenAt.toISOString(),
    last_seen_at: session.seenAt.toISOString(),
    expires_at: session.expiresAt.toISOString(),
    address: session.fromAddress,
    client: session.client,
  } as const;
}
