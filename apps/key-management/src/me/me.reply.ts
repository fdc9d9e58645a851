import { PERMISSIONS, ROLES, type AdminOperation } from '@tollgate/access';
import { SCOPES } from '@tollgate/api-key';
import { z } from 'zod';

const OPERATIONS = Object.keys(PERMISSIONS) as [AdminOperation, ...AdminOperation[]];

const ORGANIZATION_ID = '7d0f0b1e-2f3a-4f77-9c55-0123456789ab';
const EXAMPLE = {
  object: 'me',
  kind: 'person',
  organization_id: ORGANIZATION_ID,
  role: 'admin',
  scopes: [...SCOPES],
  operations: ['getMe', 'listApiKeys'],
  proven_until: '2026-11-28T09:40:00.000Z',
  csrf_token: '0rXkY2b3yqDkq1l9mJp0mYw6hB8c5pXv3s1Zt7uQe4A',
  api_key_id: null,
  person: {
    id: '0190a1b2-7c3d-4e5f-8a9b-0c1d2e3f4a5b',
    name: 'Ada Byron',
    email: 'ada@example.org',
    email_confirmed: true,
    organizations: [{ id: ORGANIZATION_ID, name: 'Acme', role: 'admin' }],
  },
} as const;

const role = z.enum(ROLES);

/** Who asks, as `GET /v1/me` shows it. Moments are RFC 3339 in UTC. */
export const meReply = z
  .object({
    object: z.literal('me'),
    kind: z.enum(['operator', 'api_key', 'person']).describe('`operator` is the admin secret.'),
    organization_id: z.string().nullable().describe('The organisation that this request was about.'),
    role: role.nullable().describe('What the caller counts as there; null for less than a viewer.'),
    scopes: z.array(z.enum(SCOPES)).readonly().describe('What the caller may give to a key at most.'),
    operations: z
      .array(z.enum(OPERATIONS))
      .readonly()
      .describe('The ids of the operations that are open to the caller, with a step-up where one is needed.'),
    proven_until: z
      .string()
      .meta({ format: 'date-time' })
      .nullable()
      .describe('Until when a session needs no step-up; null for other credentials.'),
    csrf_token: z.string().nullable().describe('Of a session: what to send as `x-csrf-token`.'),
    api_key_id: z.string().nullable(),
    person: z
      .object({
        id: z.string(),
        name: z.string().nullable(),
        email: z.string(),
        email_confirmed: z.boolean(),
        organizations: z
          .array(z.object({ id: z.string(), name: z.string(), role }))
          .readonly()
          .describe('Those that the person belongs to, at most 100.'),
      })
      .nullable(),
  })
  .meta({ id: 'Me', examples: [EXAMPLE] });
/** Who asks, before it is serialised. */
export type MeObject = Readonly<z.input<typeof meReply>>;
